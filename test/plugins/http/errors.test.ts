import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { build, password } from '../../harness/build.ts'

const bare = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': /default-src 'none'/,
  'cache-control': 'no-store'
}

const json = { 'content-type': 'application/json' }

t.test('what is wrong with a request', async (t) => {
  const { app, browser, signUp } = await build(t, {
    routes: (app) => {
      app.get('/explode', async () => {
        throw new Error('select secret from table')
      })
    }
  })
  const ada = await signUp()

  async function refused(t: Test, work: ReturnType<typeof ada.get>, status: number, code: string) {
    const answer = await work
    t.equal(answer.status, status)
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8')
    t.match(answer.body, {
      type: `urn:gatehouse:problem:${code}`,
      status,
      code,
      requestId: /^[0-9a-f-]{36}$/
    })
    t.strictSame(answer.cookies, [])
    return answer
  }

  t.test('unknown and wrong fields are named, all at once', async (t) => {
    const body = { email: 5, passwort: 'x', remember: 'yes' }
    const { body: problem } = await refused(t, browser().post('/auth/login', body), 400, 'invalid_request')
    const pointers = problem.errors.map(({ pointer }: { pointer: string }) => pointer).sort()
    t.strictSame(pointers, ['/email', '/password', '/passwort', '/remember'])
    t.ok(
      problem.errors.every(
        ({ code, detail }: { code: string; detail: string }) => code !== '' && detail !== ''
      )
    )
  })

  t.test('nothing is coerced in a body: no type will pass for another', async (t) => {
    for (const value of [1, true, null, [], {}, ['x'], { $ne: '' }]) {
      await refused(
        t,
        browser().post('/auth/login', { email: 'a@b.example', password: value }),
        400,
        'invalid_request'
      )
    }
    for (const body of ['"x"', '1', 'null', '[]', 'true', '']) {
      await refused(t, browser().post('/auth/login', body, json), 400, 'invalid_request')
    }
  })

  t.test('no field slips in that only Gatehouse sets', async (t) => {
    for (const extra of [
      { roles: ['admin'] },
      { emailVerified: true },
      { id: 'x' },
      { userId: 'x' },
      { disabled: false }
    ]) {
      const body = { email: 'eve@example.com', password, ...extra }
      await refused(t, browser().post('/auth/register', body), 400, 'invalid_request')
      await refused(t, ada.patch('/auth/me', { name: 'x', ...extra }), 400, 'invalid_request')
    }
  })

  t.test('JSON that would poison a prototype, or is none', async (t) => {
    for (const body of [
      '{"__proto__":{"admin":true},"email":"a@b.example","password":"x"}',
      '{"constructor":{"prototype":{"admin":true}}}',
      '{bad',
      '{"email":"a@b.example"',
      '\u0000',
      `${'['.repeat(10_000)}`
    ]) {
      await refused(t, browser().post('/auth/login', body, json), 400, 'invalid_request')
    }
  })

  t.test('a body of another type, whatever it is called', async (t) => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json2',
      'text/json',
      'application/xml'
    ]) {
      await refused(
        t,
        browser().post('/auth/login', 'x', { 'content-type': type }),
        415,
        'unsupported_media_type'
      )
      await refused(
        t,
        ada.post('/auth/refresh', 'x', { 'content-type': type }),
        415,
        'unsupported_media_type'
      )
    }
  })

  t.test('a content type in disguise does not get round the schema', async (t) => {
    for (const type of [
      'application/json\t',
      'APPLICATION/JSON',
      'application/json ;',
      'application/json;;x',
      ' application/json'
    ]) {
      const { status } = await browser().post('/auth/login', '{"email":5}', { 'content-type': type })
      t.ok(status === 400 || status === 415, `${JSON.stringify(type)}: ${status}`)
    }
  })

  t.test('a body beyond 32 KiB', async (t) => {
    const body = { email: 'a@b.example', password: 'x'.repeat(40_000) }
    await refused(t, browser().post('/auth/login', body), 413, 'payload_too_large')
  })

  t.test('an unknown path is 404, a known one by another method 405 with Allow', async (t) => {
    for (const url of [
      '/nope',
      '/auth',
      '/auth/',
      '/auth/login/',
      '//auth/login',
      '/AUTH/LOGIN',
      '/.git/config',
      '/.env',
      '/metrics'
    ]) {
      await refused(t, browser().get(url), 404, 'not_found')
    }
    const { headers } = await refused(t, browser().put('/auth/me'), 405, 'method_not_allowed')
    t.equal(headers.allow, 'DELETE, GET, HEAD, PATCH')
    await refused(t, browser().post('/admin/users/some-id'), 405, 'method_not_allowed')
  })

  t.test('an address that cannot be decoded', async (t) => {
    for (const url of ['/%', '/admin/users/%zz', '/auth/sessions/%c0%af']) {
      const { status, headers } = await browser().get(url)
      t.ok(status >= 400 && status < 500, `${url}: ${status}`)
      t.match(headers, bare)
    }
  })

  t.test('a parameter beyond all measure', async (t) => {
    const { status } = await ada.get(`/admin/users/${'x'.repeat(5000)}`)
    t.ok([400, 404, 414].includes(status), String(status))
  })

  t.test('a query that is not understood', async (t) => {
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=x',
      'cursor=%20',
      'cursor=!',
      'x=1',
      'limit=1&limit=2'
    ]) {
      await refused(t, ada.get(`/auth/sessions?${query}`), 400, 'invalid_request')
    }
  })

  t.test('what nobody foresaw is 500 with a fixed text, and nothing of the cause', async (t) => {
    const { text } = await refused(t, browser().get('/explode'), 500, 'internal_error')
    t.notMatch(text, /secret|select|Error|\.ts/)
  })

  t.test('what is not even HTTP is answered as a problem, and the connection closed', async (t) => {
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    for (const [bytes, status] of [
      [
        'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
        400
      ],
      ['POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc', 400],
      ['GET /livez HTTP/1.1\nHost: x\n\n', 400],
      ['FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431]
    ] as const) {
      const socket = connect(port, '127.0.0.1')
      socket.end(bytes)
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      await once(socket, 'close')
      const reply = Buffer.concat(chunks).toString()
      t.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `), bytes.slice(0, 20))
      t.match(reply, /application\/problem\+json/)
      for (const name of Object.keys(bare)) t.match(reply, `${name}: `)
      t.match(JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4)), {
        status,
        requestId: reply.match(/^x-request-id: ([0-9a-f-]{36})\r$/m)?.[1]
      })
    }
  })
})
