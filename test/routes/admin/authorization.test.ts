import t from 'tap'
import { build } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { concrete, listRoutes, nameOf, type Route } from '../../harness/routes.ts'
import { idOf } from './people.ts'

/** What asks for a machine client's credentials, and refuses in OAuth's words: test/oauth. */
const clientRoutes = ['POST /oauth/introspect', 'POST /oauth/revoke', 'POST /oauth/token']

/** What strangers may call. Everything else must refuse them. */
const publicRoutes = [
  'GET /',
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
  'GET /.well-known/openid-configuration',
  'GET /auth/csrf',
  'GET /auth/pages/one-time.css',
  'GET /auth/pages/one-time.js',
  'GET /auth/password/reset',
  'GET /auth/session',
  'GET /auth/setup',
  'GET /livez',
  'GET /readyz',
  'POST /auth/login',
  'POST /auth/logout',
  'POST /auth/logout-all',
  'POST /auth/password/forgot',
  'POST /auth/password/reset',
  'POST /auth/refresh',
  'POST /auth/register',
  'POST /auth/setup'
]

const takesBody = ({ method }: Route) => method !== 'GET' && method !== 'DELETE'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()
    const user = await service.signUp()
    const routes = listRoutes(service.app).filter((route) => !clientRoutes.includes(nameOf(route)))
    const guarded = routes.filter((route) => !publicRoutes.includes(nameOf(route)))

    t.test('the public routes are those and no others', async (t) => {
      t.ok(guarded.length >= 21, `${guarded.length} guarded routes`)
      const open: string[] = []
      for (const route of routes) {
        const { status, body } = await service.browser().request(route.method, concrete(route))
        if (status !== 401 || body.code !== 'unauthorized' || nameOf(route) === 'GET /auth/csrf')
          open.push(nameOf(route))
      }
      t.strictSame(open.sort(), publicRoutes)
    })

    t.test(
      'a stranger gets the same 401 everywhere, whatever is wrong with the request besides',
      async (t) => {
        for (const route of guarded) {
          const requests = [
            { body: undefined, query: '' },
            { body: {}, query: '?limit=0' },
            { body: { no: 'such field' }, query: '?no=such' },
            { body: ['a list'], query: '' }
          ]
          for (const { body, query } of takesBody(route) ? requests : requests.slice(0, 2)) {
            const answer = await service
              .browser()
              .request(route.method, `${concrete(route)}${query}`, takesBody(route) ? body : undefined)
            t.equal(answer.status, 401, `${nameOf(route)}${query} ${JSON.stringify(body)}`)
            t.equal(answer.headers['www-authenticate'], 'Bearer')
            const { requestId, ...problem } = answer.body
            t.type(requestId, 'string')
            t.strictSame(problem, {
              type: 'urn:gatehouse:problem:unauthorized',
              title: 'Sign in to do this.',
              status: 401,
              code: 'unauthorized'
            })
          }
        }
      }
    )

    t.test('a stranger who announces JSON and sends none gets 401 as well', async (t) => {
      for (const route of guarded.filter(({ method }) => method !== 'GET')) {
        const answer = await service
          .browser()
          .request(route.method, concrete(route), undefined, { 'content-type': 'application/json' })
        t.equal(answer.status, 401, nameOf(route))
      }
    })

    t.test('a user gets 403 on every administrator’s route', async (t) => {
      for (const route of guarded.filter(({ url }) => url.startsWith('/admin'))) {
        for (const body of takesBody(route) ? [undefined, { no: 'such field' }] : [undefined]) {
          const { status, body: problem } = await user.request(route.method, concrete(route), body)
          t.equal(status, 403, nameOf(route))
          t.equal(problem.code, 'forbidden')
        }
      }
      t.equal((await user.get('/auth/me')).status, 200)
    })

    t.test('an administrator is let in everywhere', async (t) => {
      for (const route of guarded) {
        const { status } = await root.request(
          route.method,
          concrete(route),
          takesBody(route) ? {} : undefined
        )
        t.ok([200, 201, 204, 400, 404, 409].includes(status), `${nameOf(route)} ${status}`)
      }
      t.equal(await service.app.store.users.countAdministrators(), 1)
    })

    t.test('what no database can hold is refused, never an error of the server', async (t) => {
      const id = await idOf(root)
      const answers = [
        await root.get('/admin/users/%00'),
        await root.get(`/admin/users/${id}%00`),
        await root.delete('/admin/users/%00'),
        await root.get('/admin/users?search=%00'),
        await root.get('/admin/audit?userId=%00'),
        await root.get('/admin/audit?actorId=%00'),
        await root.delete('/auth/sessions/%00'),
        await root.post('/admin/users', { email: 'a\u0000@example.com' }),
        await service.browser().post('/auth/login', { email: 'a\u0000@example.com', password: 'x' }),
        await service.browser().post('/auth/login', { email: '\ud800@example.com', password: '\ud800' })
      ]
      for (const [index, { status }] of answers.entries()) t.ok(status < 500, `${index}: ${status}`)
    })
  })
}
