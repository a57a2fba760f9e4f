import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { holdConventions } from '../routes/conventions.ts'
import { build } from './harness/build.ts'

const response = { 204: { type: 'null' } }
const schema = { operationId: 'extra', summary: 'Tests', tags: ['auth'], problems: [], response }

/** A route below the conventions of the real ones, in an app that is otherwise whole. */
function withRoute(route: (app: FastifyInstance) => Partial<RouteOptions>) {
  return (app: FastifyInstance) => {
    app.register(async (scope) => {
      holdConventions(scope)
      const handler: RouteOptions['handler'] = async (_request, reply) => reply.code(204).send(null)
      scope.route({ method: 'POST', url: '/extra', handler, ...route(app) })
    })
  }
}

type Broken = [fault: string, route: (app: FastifyInstance) => Partial<RouteOptions>, message: RegExp]

const broken: Broken[] = [
  [
    'has neither a guard nor says that it is public',
    () => ({ schema }),
    /^POST \/extra must have a guard, or config\.public, and not both$/
  ],
  [
    'has a hook that only looks like a guard',
    () => ({ schema, preHandler: async function guard() {} }),
    /^POST \/extra must have a guard/
  ],
  [
    'has a guard and says that it is public',
    (app) => ({ schema, preHandler: app.guard(), config: { public: true } }),
    /^POST \/extra must have a guard, or config\.public, and not both$/
  ],
  ['declares no replies', (app) => ({ preHandler: app.guard() }), /^POST \/extra must declare its replies$/],
  [
    'declares no success',
    (app) => ({ preHandler: app.guard(), schema: { ...schema, response: { 400: { type: 'null' } } } }),
    /^POST \/extra must declare its replies$/
  ],
  ...['operationId', 'summary', 'tags', 'problems'].map(
    (name): Broken => [
      `has no ${name}`,
      (app) => ({ preHandler: app.guard(), schema: { ...schema, [name]: undefined } }),
      /^POST \/extra must have operationId, summary, tags and problems$/
    ]
  )
]

for (const [fault, route, message] of broken) {
  t.test(`a route that ${fault} keeps the service from starting`, async (t) => {
    await t.rejects(build(t, { routes: withRoute(route) }), { message })
  })
}

t.test('a route that holds the conventions is served', async (t) => {
  const { browser } = await build(t, {
    routes: withRoute(() => ({ config: { public: true }, schema: { hide: true, response } }))
  })
  t.equal((await browser().post('/extra')).status, 204)
})

t.test('a stranger hears 401, and only somebody let in hears what was wrong with the request', async (t) => {
  const body = { type: 'object', required: ['name'], additionalProperties: false, properties: { name: {} } }
  const service = await build(t, {
    routes: withRoute((app) => ({ preHandler: [app.guard()], schema: { hide: true, response, body } }))
  })
  t.equal((await service.browser().post('/extra', { other: 1 })).status, 401)
  const user = await service.signUp()
  t.equal((await user.post('/extra', { other: 1 })).status, 400)
  t.equal((await user.post('/extra', { name: 1 })).status, 204)
})

t.test('a guard that is misspelt keeps the service from starting', async (t) => {
  for (const fresh of ['ten minutes', '0s', -1, Number.NaN]) {
    const routes = withRoute((app) => ({ preHandler: app.guard({ fresh }), schema }))
    await t.rejects(build(t, { routes }), { message: `guard: fresh cannot be ${JSON.stringify(fresh)}` })
  }
})
