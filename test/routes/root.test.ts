import t from 'tap'
import { build } from '../harness/build.ts'

const ISSUER = 'http://localhost:3000'
const links = {
  name: 'Gatehouse',
  issuer: ISSUER,
  metadata: `${ISSUER}/.well-known/oauth-authorization-server`,
  jwks: `${ISSUER}/.well-known/jwks.json`
}

t.test('the root says where to go, as JSON', async (t) => {
  const { status, headers, body } = await (await build(t)).browser().get('/')
  t.equal(status, 200)
  t.equal(headers['content-type'], 'application/json; charset=utf-8')
  t.equal(headers.vary, 'accept')
  t.strictSame(body, { ...links, docs: `${ISSUER}/docs`, openapi: `${ISSUER}/docs/json` })
})

t.test('without the API reference, it names none', async (t) => {
  const { browser } = await build(t, { env: { AUTH_DOCS: 'off' } })
  t.strictSame((await browser().get('/')).body, links)
  t.notMatch((await browser().get('/', { accept: 'text/html' })).text, 'docs')
})

t.test('a browser gets a page without scripts, and every link on it works', async (t) => {
  const { browser } = await build(t)
  const { status, headers, text } = await browser().get('/', { accept: 'text/html,*/*;q=0.8' })
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/html; charset=utf-8')
  t.match(headers['content-security-policy'], "default-src 'none'; style-src 'self'")
  t.notMatch(text, '<script')
  const targets = Array.from(text.matchAll(/href="([^"]+)"/g), ([, target = '']) => target)
  t.equal(targets.length, 5)
  for (const target of targets) t.equal((await browser().get(target.replace(ISSUER, ''))).status, 200, target)
})
