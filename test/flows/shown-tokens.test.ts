import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { readRefreshToken } from '../../domain/sessions/refresh-token.ts'
import type { Browser } from '../harness/browser.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { concrete, listRoutes, nameOf, type Route } from '../harness/routes.ts'

const COOKIES = ['access', 'refresh', 'session'] as const
type Cookies = Record<(typeof COOKIES)[number], string>

const valuesOf = (window: Browser): Cookies => ({
  access: window.value('access'),
  refresh: window.value('refresh'),
  session: window.value('session')
})
const header = (cookies: Partial<Cookies>) =>
  Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ')

/** Every way to show somebody's tokens without the session cookie of their session. */
const unbound: Record<string, (mine: Cookies, theirs: Cookies) => Record<string, string>> = {
  'a bearer token': ({ access }) => ({ authorization: `Bearer ${access}` }),
  'a bearer token beside every cookie': (mine) => ({
    authorization: `Bearer ${mine.access}`,
    cookie: header(mine)
  }),
  'the access cookie': ({ access }) => ({ cookie: header({ access }) }),
  'the refresh cookie': ({ refresh }) => ({ cookie: header({ refresh }) }),
  'the session cookie': ({ session }) => ({ cookie: header({ session }) }),
  'access and refresh cookie': ({ access, refresh }) => ({ cookie: header({ access, refresh }) }),
  'both beside the session cookie of another session': ({ access, refresh }, { session }) => ({
    cookie: header({ access, refresh, session })
  }),
  'both of another session beside the session cookie': ({ session }, { access, refresh }) => ({
    cookie: header({ access, refresh, session })
  }),
  'all of them beside a second session cookie': (mine, { session }) => ({
    cookie: `${header(mine)}; ${header({ session })}`
  }),
  'all of them with the session cookie’s MAC changed': ({ session, ...others }) => ({
    cookie: header({ ...others, session: session.slice(0, -2) + (session.endsWith('AA') ? 'BA' : 'AA') })
  })
}

/** What is for everybody, asks for a password or a link, or is a machine's: no token of a person's is looked at. */
const TOKENLESS =
  /^GET \/(|livez|readyz|metrics|\.well-known\/.*|auth\/pages\/.*|auth\/setup|auth\/password\/reset)$|^POST \/(oauth\/(token|introspect|revoke)|auth\/(login|register|setup|password\/(forgot|reset)))$/
/** What a bearer token may read. */
const READABLE: Record<string, number> = { 'GET /auth/me': 200, 'GET /auth/check': 204 }
/** It answers null to a stranger. */
const SESSION = 'GET /auth/session'
/** A sign-out ends what any cookie proves: test/routes/auth/logout.test.ts. */
const SIGN_OUT = 'POST /auth/logout'

const generationOf = (window: Browser) => readRefreshToken(window.value('refresh'))?.generation

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()
    const other = service.browser()
    await other.post('/auth/login', { email: 'root@example.com', password })
    const ask = ({ method, ...route }: Route, headers: Record<string, string>) =>
      service.browser().request(method, concrete({ method, ...route }), undefined, headers)

    t.test(
      'no route takes a person’s token that is not bound to the browser, and none sets a cookie',
      async (t) => {
        const routes = listRoutes(service.app).filter((route) => !TOKENLESS.test(nameOf(route)))
        t.ok(routes.length > 30, `${routes.length} routes`)
        for (const route of routes) {
          for (const [way, show] of Object.entries(unbound)) {
            const isBearer = way.startsWith('a bearer')
            if (nameOf(route) === SIGN_OUT && !isBearer) continue
            const answer = await ask(route, show(valuesOf(root), valuesOf(other)))
            const isStranger = nameOf(route) === SESSION && !isBearer
            if (isStranger) t.equal(answer.text, 'null', way)
            const expected = isStranger ? 200 : isBearer ? READABLE[nameOf(route)] : undefined
            t.equal(answer.status, expected ?? 401, `${nameOf(route)} by ${way}`)
            t.strictSame(answer.cookies, [], `${nameOf(route)} by ${way}`)
          }
        }
      }
    )

    t.test('and nothing of that has changed or ended a session', async (t) => {
      for (const window of [root, other]) {
        const before = generationOf(window)
        t.equal((await window.get('/admin/keys')).status, 200)
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.equal(generationOf(window), Number(before) + 1)
      }
    })

    t.test('a planted cookie of the same name is passed over, before or behind the own one', async (t) => {
      const [victim, attacker] = [
        await service.signUp('victim@example.com'),
        await service.signUp('evil@example.com')
      ]
      const { id } = (await victim.get('/auth/me')).body.user
      const planted = valuesOf(attacker)
      const plants: Array<Partial<Cookies>> = [
        { access: planted.access },
        { refresh: planted.refresh },
        { access: planted.access, refresh: planted.refresh },
        { access: 'nonsense', refresh: 'nonsense' },
        { access: '', refresh: '' },
        { refresh: victim.value('refresh').slice(0, -2) }
      ]
      for (const plant of plants) {
        for (const place of ['before', 'behind']) {
          const own = header(valuesOf(victim))
          const cookie = place === 'before' ? `${header(plant)}; ${own}` : `${own}; ${header(plant)}`
          const seen = await victim.get('/auth/me', { cookie })
          t.strictSame([seen.status, seen.body.user.id], [200, id], `${Object.keys(plant)} ${place}`)
          const refreshed = await victim.post('/auth/refresh', undefined, { cookie })
          t.strictSame(
            [refreshed.status, refreshed.body.user.id],
            [200, id],
            `${Object.keys(plant)} ${place}`
          )
        }
      }
      t.equal((await attacker.post('/auth/refresh')).status, 200, 'the planted session was not touched')
    })

    t.test(
      'of two refresh tokens of one session the newer counts, so that an old leftover ends nothing',
      async (t) => {
        const window = await service.signUp('leftover@example.com')
        const leftover = window.value('refresh')
        for (const _ of [1, 2, 3]) await window.post('/auth/refresh')
        for (const place of ['before', 'behind']) {
          const own = header(valuesOf(window))
          const old = header({ refresh: leftover })
          const cookie = place === 'before' ? `${old}; ${own}` : `${own}; ${old}`
          t.equal((await window.post('/auth/refresh', undefined, { cookie })).status, 200, place)
        }
      }
    )

    t.test('a sign-out ends the own session, and a planted one too', async (t) => {
      const [victim, attacker] = [
        await service.signUp('v2@example.com'),
        await service.signUp('e2@example.com')
      ]
      const cookie = `${header({ refresh: attacker.value('refresh') })}; ${header(valuesOf(victim))}`
      const before = victim.clone()
      t.equal((await victim.post('/auth/logout', undefined, { cookie })).status, 204)
      for (const window of [before, attacker]) {
        t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
        t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
      }
    })

    t.test('a profile saved beside a refresh signs nobody out, whichever answer comes last', async (t) => {
      const window = await service.signUp('beside@example.com')
      for (let round = 0; round < 30; round += 1) {
        const [one, two] = [window.clone(), window.clone()]
        const answers = await Promise.all([
          one.patch('/auth/me', { name: `${round}` }),
          two.post('/auth/refresh')
        ])
        t.strictSame(
          answers.map(({ status }) => status),
          [200, 200]
        )
        const [saved, refreshed] = answers
        for (const answer of round % 2 ? [saved, refreshed] : [refreshed, saved]) {
          for (const { name, value, path = '/' } of answer.cookies) window.cookies.set(name, { value, path })
        }
        service.clock.advance(11_000)
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.equal((await window.get('/auth/me')).status, 200)
      }
    })

    t.test('the replies that set cookies are those of SECURITY.md, and set those', async (t) => {
      const documented = await documentedCookies()
      const seen: Record<string, string[]> = {}
      for (const route of listRoutes(service.app)) {
        const { cookies } = await askProperly(t, service, route)
        const set = cookies.filter(({ value }) => value !== '').map(({ name }) => name)
        if (set.length > 0) seen[nameOf(route)] = set.sort()
      }
      t.strictSame(seen, documented)
    })
  })
}

/** What SECURITY.md says that replies set, by request. */
async function documentedCookies(): Promise<Record<string, string[]>> {
  const text = await readFile(new URL('../../SECURITY.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `([A-Z]+ \/\S+)` \| [^|]+ \| ((?:`\w+` ?)+)\|$/gm)]
  return Object.fromEntries(
    rows.map(([, request = '', set = '']) => [request, [...set.matchAll(/\w+/g)].map(String).sort()])
  )
}

async function linkFor({ app }: TestApp, email: string): Promise<string | undefined> {
  const user = await app.store.users.findByEmail(email)
  return (
    user &&
    app.store.transaction(async (tx) => (await app.accounts.passwordReset.issueLinkWithin(tx, user.id)).token)
  )
}

/** Asks by all cookies of an administrator who has just signed in, or of a new one, with a body that the route takes. */
async function askProperly(t: Test, service: TestApp, route: Route) {
  const window = service.browser()
  const email = 'root@example.com'
  if (!['POST /auth/register', 'POST /auth/setup'].includes(nameOf(route)))
    t.equal((await window.post('/auth/login', { email, password })).status, 200)
  const bodies: Record<string, object> = {
    'POST /auth/register': { email: 'new@example.com', password },
    'POST /auth/login': { email, password },
    'POST /auth/reauthenticate': { password },
    'POST /auth/password/forgot': { email },
    'POST /auth/password/reset': { token: await linkFor(service, email), password },
    'PUT /auth/password': { currentPassword: password, newPassword: password },
    'PATCH /auth/me': { name: 'Root' }
  }
  if (nameOf(route) !== 'POST /auth/setup')
    return window.request(route.method, concrete(route), bodies[nameOf(route)])
  const empty = await build(t)
  const link = await empty.app.accounts.firstAdministrator.issueLink()
  return empty.browser().post('/auth/setup', { token: link?.token, email, password })
}
