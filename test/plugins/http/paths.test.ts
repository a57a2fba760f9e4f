import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { VISITOR_ADDRESS, Visitor } from '../../harness/visitor.ts'

/** Returns other spellings of a path, which some servers and proxies take for the path itself. */
const spellings = (path: string) => [
  `/${path}`,
  `${path}/`,
  `${path}//`,
  `/.${path}`,
  `/x/..${path}`,
  `/x/%2e%2e${path}`,
  `${path}/.`,
  `${path}%2f`,
  `${path}%00`,
  `${path}%20`,
  `${path};x=y`,
  `${path};`,
  `${path}.json`,
  `${path}.css`,
  `${path}%3f`,
  `${path}%23`,
  path.toUpperCase(),
  path.replaceAll('/', '\\'),
  path.replaceAll('/', '%2f'),
  path.replace('u', '%75')
]

/** Paths that careless servers answer: their own folder, and tools for debugging. */
const LEFTOVERS = [
  '/.git/config',
  '/.git/HEAD',
  '/.svn/entries',
  '/.hg/store',
  '/.env',
  '/.DS_Store',
  '/package.json',
  '/app.ts',
  '/server.ts',
  '/data/gatehouse.db',
  '/data/master.key',
  '/gatehouse.db',
  '/master.key',
  '/docker-compose.yml',
  '/auth/pages/../../../package.json',
  '/auth/pages/%2e%2e%2f%2e%2e%2fpackage.json',
  '/debug',
  '/debug/pprof',
  '/actuator/env',
  '/server-status',
  '/graphql',
  '/console',
  '/backup.zip',
  '/index.php',
  '/wp-login.php'
]
const FOLDERS = [
  '/auth',
  '/auth/',
  '/auth/pages',
  '/auth/pages/',
  '/admin',
  '/admin/',
  '/oauth',
  '/.well-known',
  '/static/'
]

t.test('paths, as they are written on the wire', async (t) => {
  const { app, setUp } = await build(t, { env: { AUTH_DOCS: 'off' } })
  const root = await setUp()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const visitor = new Visitor(port)
  const cookie = [...root.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ')

  await t.test('another spelling of a guarded path opens nothing to a stranger', async (t) => {
    for (const path of ['/admin/users', '/admin/audit', '/auth/sessions']) {
      for (const spelt of spellings(path)) {
        const { status } = await visitor.send('GET', spelt)
        t.ok([400, 401, 404, 405].includes(status), `${spelt} is ${status}`)
      }
    }
  })

  await t.test('for an administrator it is 404, or the very same reply', async (t) => {
    const plain = await visitor.send('GET', '/admin/users', [['Cookie', cookie]])
    t.equal(plain.status, 200)
    for (const spelt of spellings('/admin/users')) {
      const { status, text } = await visitor.send('GET', spelt, [['Cookie', cookie]])
      if (status === 200) t.equal(text, plain.text, spelt)
      else t.ok([400, 404, 405].includes(status), `${spelt} is ${status}`)
    }
  })

  await t.test('no source, no secret and no listing is served', async (t) => {
    for (const path of [...LEFTOVERS, ...FOLDERS]) {
      const { status, headers } = await visitor.send('GET', path, [['Cookie', cookie]])
      t.equal(status, 404, path)
      t.match(headers['content-type'], 'application/problem+json', path)
    }
  })

  await t.test('a route answers its own methods alone, and never TRACE', async (t) => {
    for (const method of ['TRACE', 'TRACK', 'CONNECT', 'DEBUG', 'FOO', 'PROPFIND', 'PURGE', 'LINK', 'get']) {
      const socket = connect({ port, host: '127.0.0.1', localAddress: VISITOR_ADDRESS })
      let reply = ''
      socket.setEncoding('latin1').on('data', (part: string) => {
        reply += part
      })
      socket.on('error', () => {})
      socket.write(`${method} /auth/me HTTP/1.1\r\nHost: x\r\nX-Canary: echo\r\nConnection: close\r\n\r\n`)
      await once(socket, 'close')
      t.match(reply, /^(HTTP\/1\.1 (400|404|405|501) |$)/, method)
      t.notMatch(reply.toLowerCase(), 'canary', method)
    }
  })
})

t.test('another spelling of the sign-in does not get round its limit', async (t) => {
  const { app } = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: '3' } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const visitor = new Visitor((app.server.address() as AddressInfo).port)
  const credentials = { email: 'ada@example.com', password }
  for (let tries = 0; tries < 3; tries += 1) {
    t.equal((await visitor.post('/auth/login', credentials)).status, 401)
  }
  for (const spelt of spellings('/auth/login')) {
    const { status } = await visitor.post(spelt, credentials)
    t.ok([400, 404, 405, 429].includes(status), `${spelt} is ${status}`)
  }
})
