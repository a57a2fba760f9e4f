import t from 'tap'
import type { Answer, Browser } from '../harness/browser.ts'
import { build, password, type TestApp } from '../harness/build.ts'

const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': /^(same-origin|cross-origin)$/,
  'cross-origin-opener-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000; includeSubDomains'
}
/** Directives of the policy that keep a reply harmless if a browser shows it as a page. */
const POLICY = [/default-src 'none'/, /frame-ancestors 'none'/, /base-uri 'none'/]
/** Paths whose replies may be cached. */
const CACHEABLE = /^\/(\.well-known\/|auth\/pages\/|docs\/static\/)/
const TYPED = /^(application\/([\w-]+\+)?json|text\/(plain|html|css|javascript))\b.*; ?charset=utf-8/i
/** Headers that name software, or redirect. */
const TELLTALE = ['server', 'x-powered-by', 'via', 'x-runtime', 'x-aspnet-version', 'location', 'refresh']

interface Asked {
  what: string
  path: string
  answer: Answer
}

/** Sends an empty request to every operation as each of these callers. */
async function askEverything({ app }: TestApp, callers: Record<string, () => Promise<Browser>>) {
  const { paths } = (await app.inject('/docs/json')).json()
  const asked: Asked[] = []
  for (const [who, caller] of Object.entries(callers)) {
    for (const [template, operations] of Object.entries<object>(paths)) {
      for (const method of Object.keys(operations)) {
        const path = template.replace(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000')
        const browser = await caller()
        const body = ['post', 'put', 'patch'].includes(method) ? {} : undefined
        const answer = await browser.request(method.toUpperCase() as 'GET', path, body)
        asked.push({ what: `${method.toUpperCase()} ${template}, ${who}`, path, answer })
      }
    }
  }
  return asked
}

t.test('every endpoint, to a stranger, a user and an administrator', async (t) => {
  const service = await build(t, { env: { AUTH_ISSUER: 'https://auth.example.com', AUTH_DOCS: 'on' } })
  await service.setUp('root@example.com')
  let users = 0
  // Some of what is asked ends sessions and accounts: sign in anew for each question.
  const asked = await askEverything(service, {
    'a stranger': async () => service.browser(),
    'a user': async () => {
      users += 1
      return service.signUp(`user${users}@example.com`)
    },
    'an administrator': async () => {
      const window = service.browser()
      await window.post('/auth/login', { email: 'root@example.com', password })
      return window
    }
  })

  await t.test('there are answers of every kind', async (t) => {
    t.ok(asked.length > 100, `${asked.length} answers`)
    const statuses = new Set(asked.map(({ answer }) => answer.status))
    for (const status of [200, 204, 400, 401, 403, 404]) t.ok(statuses.has(status), `${status} is among them`)
    t.strictSame(
      asked.filter(({ answer }) => answer.status >= 500).map(({ what }) => what),
      []
    )
  })

  await t.test(
    'each has the headers that keep other sites from framing, sniffing and embedding it',
    async (t) => {
      for (const { what, answer } of asked) {
        t.match(answer.headers, ALWAYS, what)
        for (const directive of POLICY) t.match(answer.headers['content-security-policy'], directive, what)
      }
    }
  )

  await t.test('each body has a type with its encoding', async (t) => {
    for (const { what, answer } of asked) {
      if (answer.text === '') t.equal(answer.headers['content-type'], undefined, what)
      else t.match(answer.headers['content-type'], TYPED, what)
    }
  })

  await t.test('no cache may keep one, but for keys, metadata and files', async (t) => {
    for (const { what, path, answer } of asked) {
      if (CACHEABLE.test(path) && answer.status === 200)
        t.match(answer.headers['cache-control'], /max-age/, what)
      else t.match(answer.headers['cache-control'], /no-store/, what)
    }
  })

  await t.test('none names the software, and none redirects', async (t) => {
    for (const { what, answer } of asked) {
      for (const name of TELLTALE) t.equal(answer.headers[name], undefined, `${what}: ${name}`)
    }
  })

  await t.test('none is JSONP', async (t) => {
    const stranger = service.browser()
    for (const path of ['/livez', '/.well-known/jwks.json', '/auth/login', '/nowhere']) {
      const [plain, called] = [
        await stranger.get(path),
        await stranger.get(`${path}?callback=steal&jsonp=steal`)
      ]
      t.equal(called.headers['content-type'], plain.headers['content-type'], path)
      t.notMatch(called.text, 'steal', path)
    }
  })
})
