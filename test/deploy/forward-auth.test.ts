import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { newUser } from '../../domain/accounts/registration.ts'
import { build, password, type Teardown } from '../harness/build.ts'
import { type Certificate, certificates } from '../harness/certificate.ts'
import { digestOf, type Seen, startEchoApp } from '../harness/echo-app.ts'
import { proxies, type ReverseProxy } from '../harness/proxies.ts'
import { createTcpProxy } from '../harness/tcp-proxy.ts'
import { type HeaderLines, type Reply, VISITOR_ADDRESS, Visitor } from '../harness/visitor.ts'

const MEGABYTE = 1024 * 1024
const UPGRADE: HeaderLines = [
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']
]

/** What an attacker would like the app to believe, in every spelling that some app reads as Remote-User and the like. */
const claims: HeaderLines = [
  ['Remote-User', 'root'],
  ['remote-user', 'root'],
  ['REMOTE-USER', 'root'],
  ['Remote_User', 'root'],
  ['remote_user', 'root'],
  ['Remote.User', 'root'],
  ['Remote-Email', 'root@example.com'],
  ['Remote-Email-Verified', 'true'],
  ['remote_email_verified', 'true'],
  ['Remote.Email.Verified', 'true'],
  ['Remote-Email_Verified', 'true'],
  ['Remote-Name', 'root'],
  ['Remote-Name', 'root again'],
  ['remote_name', 'root'],
  ['Remote-Roles', 'admin'],
  ['Remote-Roles', 'admin'],
  ['Remote-Scope', 'users:write'],
  ['Remote-Groups', 'admin']
]

/** Every header that an app could take for a word about who is signed in, in any of its spellings. */
function remoteHeaders({ headers }: Seen): HeaderLines {
  return headers
    .map(([name, value]): HeaderLines[number] => [name.replace(/[^a-z]/g, '-'), value])
    .filter(([name, value]) => name.startsWith('remote-') && value !== '')
    .sort()
}

/** Lines of Cookie as a client sends them, and what is left of each for the app. */
const cookieLines: Array<[sent: string[], left: string[]]> = [
  [['OURS=1'], []],
  [['OURS=1; mine=2'], ['mine=2']],
  [['mine=2; OURS=1'], ['mine=2']],
  [['a=1; OURS=1; b=2'], ['a=1; b=2']],
  [['OURS=1; OURS=2; a=1; OURS=3; OURS=4; b=2; OURS=5'], ['a=1; b=2']],
  [['a=1;OURS=1;b=2;  c=3'], ['a=1;b=2;  c=3']],
  [['a=1; \tOURS\t=1; b=2'], ['a=1; b=2']],
  [['OURS="quoted"; a="x y,z"; b="OURS=1"'], ['a="x y,z"; b="OURS=1"']],
  [['OURS=; a=; =b; c'], ['a=; =b; c']],
  [['xOURS=1; OURSx=2; x-OURS=3; OURS.sig=4; OURS'], ['xOURS=1; OURSx=2; x-OURS=3; OURS.sig=4; OURS']],
  [['a=OURS=1; b=%3BOURS%3D1'], ['a=OURS=1; b=%3BOURS%3D1']],
  [
    ['a=1; OURS=1', 'OURS=2', 'OURS=3; b=2'],
    ['a=1', 'b=2']
  ]
]
const PREFIXED = ['__Host-access', '__Secure-access', '__Secure-refresh', '__Host-session', '__Host-device']
const PLAIN = ['access', 'refresh', 'session', 'device']

const valuesOf = ({ headers }: Seen, wanted: string) =>
  headers.filter(([name]) => name === wanted).map(([, value]) => value)

const parse = (reply: Reply): Seen => JSON.parse(reply.text)

/** Has somebody who is signed in send these lines of Cookie, and checks what the app gets of them. */
async function cookiesArrive(
  t: Test,
  visitor: Visitor,
  authorization: string,
  sent: string[],
  left: string[]
) {
  const lines: HeaderLines = sent.map((line) => ['Cookie', line])
  const reply = await visitor.send('GET', '/', [['Authorization', authorization], ...lines])
  // nginx joins the lines of a request into one (RFC 9113 §8.2.3), and Caddy leaves an empty one empty.
  const arrived = valuesOf(parse(reply), 'cookie').filter((line) => line !== '')
  t.equal(arrived.join('; '), left.join('; '), sent.join(' | '))
}

interface SiteOptions {
  env?: Record<string, string>
  /** By plain http without one. */
  certificate?: Certificate
}

/** Gatehouse, an app that knows of no sign-in, and the proxy before both, all listening. */
async function startSite(t: Teardown, proxy: ReverseProxy, { env = {}, certificate }: SiteOptions = {}) {
  const gatehouse = await build(t, { env: { AUTH_TRUST_PROXY: '127.0.0.1', ...env } })
  await gatehouse.app.listen({ host: '127.0.0.1', port: 0 })
  const checks: IncomingMessage[] = []
  gatehouse.app.server.prependListener('request', (request: IncomingMessage) => {
    if (request.url?.startsWith('/auth/check')) checks.push(request)
  })
  const { port } = gatehouse.app.server.address() as AddressInfo
  const wire = await createTcpProxy({ host: '127.0.0.1', port })
  t.teardown(() => wire.close())
  const { seen, port: appPort } = await startEchoApp(t)
  const proxyPort = await proxy.start(t, { gatehouse: wire.port, app: appPort }, certificate)

  async function signUp(email: string, name?: string) {
    const visitor = new Visitor(proxyPort)
    const reply = await visitor.post('/auth/register', { email, password, name })
    if (reply.status !== 201) throw new Error(`could not register: ${reply.status} ${reply.text}`)
    return { visitor, id: JSON.parse(reply.text).user.id as string }
  }
  const stranger = () => new Visitor(proxyPort, { tls: certificate !== undefined })
  return { gatehouse, wire, seen, checks, signUp, stranger }
}

for (const proxy of proxies) {
  t.test(`behind ${proxy.name}`, { skip: proxy.missing }, async (t) => {
    const { gatehouse, wire, seen, checks, signUp, stranger } = await startSite(t, proxy)
    const administrator = await gatehouse.setUp()
    const { visitor: ada, id: adaId } = await signUp('ada@example.com', 'Ada')

    async function staff(email: string, scope: string) {
      const name = email.split('@')[0] as string
      const { visitor, id } = await signUp(email)
      for (const role of ['staff', name]) {
        await administrator.post('/admin/roles', { name: role, scope: role === name ? scope : 'desk:use' })
      }
      await administrator.patch(`/admin/users/${id}`, { roles: ['staff', name] })
      t.equal((await visitor.post('/auth/refresh')).status, 200)
      return visitor
    }

    /** That nothing of this reached the app, whatever the reply was. */
    async function isKeptFromApp(t: Test, ask: () => Promise<{ status: number }>, status: number) {
      const before = seen.length
      t.equal((await ask()).status, status)
      t.equal(seen.length, before, 'the app was not reached')
    }

    await t.test('nobody is 401, and the app is not reached', async (t) => {
      for (const path of ['/', '/any/path?q=1', '/admin/users', '/authors', '/docsify', '/livez']) {
        await isKeptFromApp(t, () => stranger().send('GET', path), 401)
      }
      await isKeptFromApp(t, () => stranger().send('GET', '/', claims), 401)
      await isKeptFromApp(t, () => stranger().send('GET', '/', [['Cookie', 'access=nonsense']]), 401)
      await isKeptFromApp(t, () => stranger().send('POST', '/', [], randomBytes(2 * MEGABYTE)), 401)
    })

    await t.test('Gatehouse itself is reached by anybody', async (t) => {
      t.equal((await stranger().send('GET', '/docs')).status, 200)
      t.equal((await stranger().send('GET', '/docs/json')).status, 200)
      t.match(JSON.parse((await stranger().send('GET', '/auth/me')).text), { code: 'unauthorized' })
      t.match(JSON.parse((await stranger().send('GET', '/.well-known/none')).text), { code: 'not_found' })
    })

    await t.test('the app is told who is signed in, once each', async (t) => {
      const reply = await ada.send('GET', '/any/path?q=1')
      t.equal(reply.status, 200)
      const { method, url } = parse(reply)
      t.strictSame([method, url], ['GET', '/any/path?q=1'])
      t.strictSame(remoteHeaders(parse(reply)), [
        ['remote-email-verified', 'false'],
        ['remote-name', 'Ada'],
        ['remote-roles', 'user'],
        ['remote-user', adaId]
      ])
    })

    await t.test('a bearer token will do', async (t) => {
      const bearer: HeaderLines = [['Authorization', `Bearer ${ada.cookies.get('access')}`]]
      const reply = await stranger().send('GET', '/', bearer)
      t.equal(reply.status, 200)
      t.match(remoteHeaders(parse(reply)), [
        ['remote-email-verified', 'false'],
        ['remote-name', 'Ada']
      ])
    })

    await t.test('what a client claims to be is never seen by the app', async (t) => {
      const truth = remoteHeaders(parse(await ada.send('GET', '/')))
      t.strictSame(remoteHeaders(parse(await ada.send('GET', '/', claims))), truth)
      for (const claim of claims) {
        t.strictSame(remoteHeaders(parse(await ada.send('GET', '/', [claim]))), truth, claim[0])
      }
    })

    await t.test('not even where Gatehouse has nothing to say', async (t) => {
      const { visitor, id } = await signUp('nameless@example.com')
      t.strictSame(remoteHeaders(parse(await visitor.send('GET', '/', claims))), [
        ['remote-email-verified', 'false'],
        ['remote-roles', 'user'],
        ['remote-user', id]
      ])
    })

    await t.test('an address is told once it is verified, whatever the client claims (F9)', async (t) => {
      const { app, clock } = gatehouse
      const passwordHash = await app.passwords.hasher.hash(password)
      const owner = { ...newUser('zoë@example.com', null, passwordHash, clock()), emailVerified: true }
      await app.store.users.insert(owner)
      const visitor = stranger()
      t.equal((await visitor.post('/auth/login', { email: owner.email, password })).status, 200)
      const told = parse(await visitor.send('GET', '/', claims))
      t.strictSame(remoteHeaders(told).slice(0, 2), [
        ['remote-email', 'zoë@example.com'],
        ['remote-email-verified', 'true']
      ])
    })

    await t.test('a client cannot have what the proxy says taken away', async (t) => {
      for (const names of [
        'Remote-User',
        'close, Remote-User, remote-roles',
        'keep-alive, X-Forwarded-For'
      ]) {
        const told = parse(await ada.send('GET', '/', [['Connection', names]]))
        t.strictSame([valuesOf(told, 'remote-user'), valuesOf(told, 'remote-roles')], [[adaId], ['user']])
        t.strictSame(valuesOf(told, 'x-forwarded-for'), [VISITOR_ADDRESS])
      }
      const reply = await ada.send('GET', '/', [['Connection', 'Cookie, Authorization']])
      t.ok(reply.status === 401 || remoteHeaders(parse(reply)).length === 4)
    })

    await t.test(
      'the app gets none of Gatehouse’s cookies, whoever asks, and Gatehouse gets them all',
      async (t) => {
        const { visitor } = await signUp('cookies@example.com')
        visitor.cookies.set('theme', 'dark')
        const reply = await visitor.send('GET', '/')
        t.equal(reply.status, 200)
        t.strictSame(valuesOf(parse(reply), 'cookie'), ['theme=dark'])
        t.equal((await visitor.send('GET', '/auth/me')).status, 200)
        t.equal((await visitor.post('/auth/refresh')).status, 200)
        visitor.cookies.delete('theme')
        t.strictSame(valuesOf(parse(await visitor.send('GET', '/')), 'cookie'), [])
        const { socket } = await visitor.upgrade('/socket', [['Upgrade', 'websocket'], ...UPGRADE])
        socket?.destroy()
        t.strictSame(valuesOf(seen.at(-1) as Seen, 'cookie'), [])
      }
    )

    await t.test('all other cookies arrive as they were sent', async (t) => {
      const authorization = `Bearer ${ada.cookies.get('access')}`
      for (const name of [...PREFIXED, ...PLAIN])
        for (const [sent, left] of cookieLines) {
          const named = (lines: string[]) => lines.map((line) => line.replaceAll('OURS', name))
          await cookiesArrive(t, stranger(), authorization, named(sent), named(left))
        }
      const all = [...PREFIXED, ...PLAIN].map((name) => `${name}=1`)
      const mixed = ['a=1', ...all, 'b=2', ...all.toReversed(), 'c=3', ...all]
      await cookiesArrive(t, stranger(), authorization, [mixed.join('; ')], ['a=1; b=2; c=3'])
      const endless = Array.from({ length: 40 }, () => all.flatMap((each) => [each, 'a=1'])).flat()
      const reply = await stranger().send('GET', '/', [
        ['Authorization', authorization],
        ['Cookie', endless.join('; ')]
      ])
      t.notMatch(valuesOf(parse(reply), 'cookie').join('; '), /access=|refresh=|session=|device=/)
      t.strictSame(valuesOf(parse(reply), 'authorization'), [authorization])
    })

    await t.test(
      'over https the names without a prefix are the app’s own',
      { skip: certificates.missing },
      async (t) => {
        const site = await startSite(t, proxy, { certificate: await certificates.make(t, 1) })
        const person = await site.gatehouse.signUp()
        const authorization = `Bearer ${person.cookies.get('access')?.value}`
        for (const name of PREFIXED)
          for (const [sent, left] of cookieLines) {
            const named = (lines: string[]) => lines.map((line) => line.replaceAll('OURS', name))
            await cookiesArrive(t, site.stranger(), authorization, named(sent), named(left))
          }
        const own = PLAIN.map((name) => `${name}=1`).join('; ')
        await cookiesArrive(
          t,
          site.stranger(),
          authorization,
          [`__Host-access=1; ${own}; __Host-session=1`],
          [own]
        )
      }
    )

    await t.test(
      'an app on another host is reached by the shared access cookie, which it does not get',
      { skip: certificates.missing },
      async (t) => {
        const env = { AUTH_ISSUER: 'https://auth.example.com', AUTH_COOKIE_DOMAIN: 'example.com' }
        const site = await startSite(t, proxy, { env, certificate: await certificates.make(t, 1) })
        const person = await site.gatehouse.signUp()
        const visitor = site.stranger()
        visitor.cookies.set('__Secure-access', String(person.cookies.get('__Secure-access')?.value))
        visitor.cookies.set('theme', 'dark')
        const reply = await visitor.send('GET', '/')
        t.equal(reply.status, 200)
        t.strictSame(valuesOf(parse(reply), 'remote-roles'), ['user'])
        t.strictSame(valuesOf(parse(reply), 'cookie'), ['theme=dark'])
      }
    )

    await t.test('names of any script, braces and quotes arrive as they are', async (t) => {
      const names = ['Zoë 王 👑', '{env.HOME} $remote_addr {http.request.host}', `"O'Hara" \\ %41, a; b`]
      for (const [index, name] of names.entries()) {
        const { visitor } = await signUp(`zoë${index}@example.com`, name)
        const told = parse(await visitor.send('GET', '/'))
        t.strictSame(valuesOf(told, 'remote-name'), [name])
      }
    })

    await t.test('roles and scope of the largest cookie pass', async (t) => {
      const scope = Array.from({ length: 110 }, (_, n) => `resource-${n}:read`).join(' ')
      const visitor = await staff('large@example.com', scope)
      const told = parse(await visitor.send('GET', '/'))
      t.strictSame(valuesOf(told, 'remote-roles'), ['large,staff,user'])
      t.strictSame(valuesOf(told, 'remote-scope')[0]?.split(' ').length, 111)
    })

    await t.test('a location for one role is 403 to everybody else, however it is spelled', async (t) => {
      const worker = await staff('worker@example.com', 'desk:use')
      t.equal((await worker.send('GET', '/staff/desk?role=other&scope=')).status, 200)
      const spellings = [
        '/staff/desk',
        '//staff/desk',
        '/x/../staff/desk',
        '/%73taff/desk',
        '/./staff/desk?role=user'
      ]
      for (const path of [...spellings, '/staff%2Fdesk', '/staff/?role=staff']) {
        await isKeptFromApp(t, () => ada.send('GET', path), 403)
      }
      await isKeptFromApp(t, () => ada.send('GET', '/staff/desk', claims), 403)
      await isKeptFromApp(t, () => stranger().send('GET', '/staff/desk'), 401)
    })

    await t.test('a CORS preflight is answered by the app, which is told of nobody', async (t) => {
      const preflight: HeaderLines = [
        ['Origin', 'https://other.example.com'],
        ['Access-Control-Request-Method', 'PUT'],
        ['Access-Control-Request-Headers', 'x-b3-traceid']
      ]
      for (const visitor of [stranger(), ada])
        for (const path of ['/any/path?q=1', '/staff/desk']) {
          const reply = await visitor.send('OPTIONS', path, [...preflight, ...claims])
          t.equal(reply.status, 200, path)
          const told = parse(reply)
          t.strictSame([told.method, told.url], ['OPTIONS', path])
          t.strictSame(remoteHeaders(told), [])
          t.strictSame(valuesOf(told, 'cookie'), [])
          t.strictSame(valuesOf(told, 'access-control-request-headers'), ['x-b3-traceid'])
        }
    })

    await t.test('no other request passes as a preflight, whatever it says of its method', async (t) => {
      const preflight: HeaderLines = [
        ['Origin', 'https://other.example.com'],
        ['Access-Control-Request-Method', 'PUT']
      ]
      const pretences: HeaderLines = [
        ['X-Forwarded-Method', 'OPTIONS'],
        ['x-forwarded-method', 'OPTIONS'],
        ['X_Forwarded_Method', 'OPTIONS'],
        ['X-HTTP-Method-Override', 'OPTIONS'],
        ['X-Original-Method', 'OPTIONS']
      ]
      const tries: HeaderLines[] = [[], pretences, ...pretences.map((line) => [line])]
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'])
        for (const lines of tries)
          await isKeptFromApp(t, () => stranger().send(method, '/', [...preflight, ...lines]), 401)
      const inQuery = '/?preflight=pass&x-forwarded-method=OPTIONS'
      await isKeptFromApp(t, () => stranger().send('GET', inQuery, preflight), 401)
      await isKeptFromApp(t, () => stranger().send('OPTIONS', '/'), 401)
      for (const line of preflight) await isKeptFromApp(t, () => stranger().send('OPTIONS', '/', [line]), 401)
    })

    await t.test('the check is not there for clients', async (t) => {
      for (const path of ['/auth/check', '/auth/check?role=user', '/auth/x/../check']) {
        const reply = await ada.send('GET', path)
        t.equal(reply.status, 404, path)
        t.equal(reply.headers['remote-user'], undefined, path)
      }
    })

    await t.test('a large body arrives whole, and never at the check', async (t) => {
      const body = randomBytes(2 * MEGABYTE)
      checks.length = 0
      const lengths: HeaderLines[] = [[['Content-Length', String(body.length)]], []]
      for (const headers of lengths) {
        const reply = await ada.send('POST', '/upload', headers, body)
        t.equal(reply.status, 200)
        t.strictSame([parse(reply).method, parse(reply).digest], ['POST', digestOf(body)])
      }
      t.equal(checks.length, 2)
      for (const { method, headers } of checks) {
        t.equal(method, 'GET')
        t.ok(headers['content-length'] === undefined || headers['content-length'] === '0')
        t.equal(headers['transfer-encoding'], undefined)
      }
    })

    await t.test('a WebSocket opens for those who are signed in, and for nobody else', async (t) => {
      const upgrade: HeaderLines = [['Upgrade', 'websocket'], ...UPGRADE]
      await isKeptFromApp(t, () => stranger().upgrade('/socket', upgrade), 401)
      const { status, socket } = await ada.upgrade('/socket', [...upgrade, ...claims])
      t.equal(status, 101)
      t.strictSame(valuesOf(seen.at(-1) as Seen, 'remote-user'), [adaId])
      t.equal(remoteHeaders(seen.at(-1) as Seen).length, 4)
      t.equal(checks.at(-1)?.headers.upgrade, undefined, 'the check itself is no handshake')
      socket?.write('through and back')
      const [echoed] = socket
        ? await new Promise<Buffer[]>((done) => socket.once('data', (...data) => done(data)))
        : []
      t.equal(String(echoed), 'through and back')
      socket?.destroy()
    })

    await t.test('no other protocol can be changed to', async (t) => {
      const { status, socket } = await ada.upgrade('/', [
        ['Connection', 'Upgrade, HTTP2-Settings'],
        ['Upgrade', 'h2c'],
        ['HTTP2-Settings', 'AAMAAABkAARAAAAAAAIAAAAA']
      ])
      socket?.destroy()
      t.equal(status, 200)
      t.strictSame(valuesOf(seen.at(-1) as Seen, 'upgrade'), [])
    })

    await t.test('nobody chooses the address that they come from', async (t) => {
      const forwarded: HeaderLines = [
        ['X-Forwarded-For', '203.0.113.9'],
        ['X-Forwarded-For', '203.0.113.10'],
        ['X-Forwarded-Host', 'evil.example'],
        ['X-Forwarded-Proto', 'gopher'],
        ['X-Real-IP', '203.0.113.9'],
        ['X_Forwarded_For', '203.0.113.9'],
        ['Forwarded', 'for=203.0.113.9']
      ]
      const visitor = stranger()
      const body = Buffer.from(JSON.stringify({ email: 'ada@example.com', password }))
      const headers: HeaderLines = [
        ['Sec-Fetch-Site', 'same-origin'],
        ['Content-Type', 'application/json']
      ]
      t.equal((await visitor.send('POST', '/auth/login', [...headers, ...forwarded], body)).status, 200)
      const { items } = JSON.parse((await visitor.send('GET', '/auth/sessions', forwarded)).text)
      t.strictSame(
        items.map(({ ip }: { ip: string }) => ip),
        [VISITOR_ADDRESS, VISITOR_ADDRESS]
      )
      const told = parse(await visitor.send('GET', '/', forwarded))
      t.strictSame(valuesOf(told, 'x-forwarded-for'), [VISITOR_ADDRESS])
      t.strictSame(valuesOf(told, 'x-forwarded-proto'), ['http'])
      t.notMatch(JSON.stringify(told), /203\.0\.113|evil\.example|gopher/)
    })

    await t.test('the check hears of nothing but who asks', async (t) => {
      checks.length = 0
      await ada.send('PUT', '/?role=admin', [...claims, ['X-Forwarded-For', '203.0.113.9']], randomBytes(10))
      t.equal(checks.length, 1)
      const { method, url, headers } = checks[0] as IncomingMessage
      t.strictSame([method, url?.replace(/&$/, '')], ['GET', '/auth/check?preflight=pass'])
      t.equal(headers['x-forwarded-for'], VISITOR_ADDRESS)
      t.strictSame(
        Object.keys(headers).filter((name) => name.startsWith('remote')),
        []
      )
    })

    await t.test('whoever signs out is 401 within a second', async (t) => {
      const { visitor } = await signUp('leaving@example.com')
      const cookies = [...visitor.cookies]
      t.equal((await visitor.send('GET', '/')).status, 200)
      t.equal((await visitor.post('/auth/logout')).status, 204)
      t.strictSame([...visitor.cookies.keys()], ['device'])
      for (const [name, value] of cookies) visitor.cookies.set(name, value)
      const deadline = performance.now() + 1000
      while ((await visitor.send('GET', '/')).status !== 401 && performance.now() < deadline);
      await isKeptFromApp(t, () => visitor.send('GET', '/'), 401)
    })

    await t.test('Gatehouse that does not answer lets nobody in, and nobody waits for long', async (t) => {
      t.equal((await ada.send('GET', '/')).status, 200)
      wire.stall()
      const started = performance.now()
      const before = seen.length
      const { status } = await ada.send('GET', '/', claims)
      t.ok(status >= 500, String(status))
      t.equal(seen.length, before)
      t.ok(performance.now() - started < 9000)
      wire.cut()
      wire.mend()
      t.equal((await ada.send('GET', '/')).status, 200, 'and it is over when it is over')
    })

    await t.test('Gatehouse that is gone lets nobody in', async (t) => {
      wire.cut()
      const before = seen.length
      for (const path of ['/', '/staff/desk', '/auth/me']) {
        for (const visitor of [ada, stranger()]) {
          const { status } = await visitor.send('GET', path, claims)
          t.ok(status >= 500, `${path}: ${status}`)
        }
      }
      t.equal(seen.length, before)
      wire.mend()
    })
  })
}
