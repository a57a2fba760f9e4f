import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { holdConventions } from '../routes/conventions.ts'
import { problemReplies } from '../schemas/problem.ts'
import { build } from './harness/build.ts'

const response = { 204: { type: 'null' }, ...problemReplies }

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

const broken: Array<[string, (app: FastifyInstance) => Partial<RouteOptions>, RegExp]> = [
  [
    'has neither a guard nor says that it is public',
    () => ({ schema: { response } }),
    /^POST \/extra must have a guard, or config\.public, and not both$/
  ],
  [
    'has a hook that only looks like a guard',
    () => ({ schema: { response }, preHandler: async function guard() {} }),
    /^POST \/extra must have a guard/
  ],
  [
    'has a guard and says that it is public',
    (app) => ({ schema: { response }, preHandler: app.guard(), config: { public: true } }),
    /^POST \/extra must have a guard, or config\.public, and not both$/
  ],
  ['declares no replies', (app) => ({ preHandler: app.guard() }), /^POST \/extra must declare its replies$/],
  [
    'declares no refusals',
    (app) => ({ preHandler: app.guard(), schema: { response: { 204: { type: 'null' } } } }),
    /^POST \/extra must declare its replies$/
  ],
  [
    'declares no success',
    (app) => ({ preHandler: app.guard(), schema: { response: problemReplies } }),
    /^POST \/extra must declare its replies$/
  ]
]

for (const [fault, route, message] of broken) {
  t.test(`a route that ${fault} keeps the service from starting`, async (t) => {
    await t.rejects(build(t, { routes: withRoute(route) }), { message })
  })
}

t.test('a route that holds the conventions is served', async (t) => {
  const { browser } = await build(t, {
    routes: withRoute(() => ({ config: { public: true }, schema: { response } }))
  })
  t.equal((await browser().post('/extra')).status, 204)
})

t.test('a stranger hears 401, and only somebody let in hears what was wrong with the request', async (t) => {
  const body = { type: 'object', required: ['name'], additionalProperties: false, properties: { name: {} } }
  const service = await build(t, {
    routes: withRoute((app) => ({ preHandler: [app.guard()], schema: { response, body } }))
  })
  t.equal((await service.browser().post('/extra', { other: 1 })).status, 401)
  const user = await service.signUp()
  t.equal((await user.post('/extra', { other: 1 })).status, 400)
  t.equal((await user.post('/extra', { name: 1 })).status, 204)
})

t.test('a guard that is misspelt keeps the service from starting', async (t) => {
  for (const fresh of ['ten minutes', '0s', -1, Number.NaN]) {
    const routes = withRoute((app) => ({ preHandler: app.guard({ fresh }), schema: { response } }))
    await t.rejects(build(t, { routes }), { message: `guard: fresh cannot be ${JSON.stringify(fresh)}` })
  }
})
