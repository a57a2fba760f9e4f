import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { build } from '../../harness/build.ts'

/** A second request in the bytes of the first. It is answered if the server ends the first too early. */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const CHUNKS = `0\r\n\r\n${HIDDEN}`

const post = (...headers: string[]) =>
  `POST /auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`
const get = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`

/** Requests whose end is in doubt (RFC 9112 §6.3, §11.2). A server that guesses may read another request than its proxy. */
const ambiguous: Record<string, string> = {
  'a length and chunks': `${post('Content-Length: 4', 'Transfer-Encoding: chunked')}${CHUNKS}`,
  'chunks and a length': `${post('Transfer-Encoding: chunked', 'Content-Length: 4')}${CHUNKS}`,
  'chunks in other letters and a length': `${post('transfer-encoding: CHUNKED', 'content-length: 5')}${CHUNKS}`,
  'two lengths': `${post('Content-Length: 0', `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
  'two lengths, the long one first': `${post(`Content-Length: ${HIDDEN.length}`, 'Content-Length: 0')}${HIDDEN}`,
  'two lengths in one line': `${post('Content-Length: 0, 5')}${HIDDEN}`,
  'a length with a sign': `${post('Content-Length: +0')}${HIDDEN}`,
  'a length below zero': `${post('Content-Length: -1')}${HIDDEN}`,
  'a length in hexadecimal': `${post('Content-Length: 0x0')}${HIDDEN}`,
  'a length with a fraction': `${post('Content-Length: 0.0')}${HIDDEN}`,
  'a length in words': `${post('Content-Length: none')}${HIDDEN}`,
  'a length of nothing': `${post('Content-Length:')}${HIDDEN}`,
  'a length beyond all numbers': `${post('Content-Length: 18446744073709551616')}${HIDDEN}`,
  'a length with a blank inside': `${post('Content-Length: 1 0')}${HIDDEN}`,
  'a blank before the colon': `${post('Content-Length : 5')}${HIDDEN}`,
  'a blank before the colon of chunks': `${post('Transfer-Encoding : chunked')}${CHUNKS}`,
  'a header that begins with a blank': `${post(' Content-Length: 5')}${HIDDEN}`,
  'a header folded over two lines': `${post('Transfer-Encoding:', ' chunked')}${CHUNKS}`,
  'a header without a colon': `${post('Content-Length')}${HIDDEN}`,
  'a header without a name': `${post(': 5')}${HIDDEN}`,
  'another encoding': `${post('Transfer-Encoding: xchunked')}${CHUNKS}`,
  'an encoding that is not the last': `${post('Transfer-Encoding: chunked, identity')}${CHUNKS}`,
  'chunks twice': `${post('Transfer-Encoding: chunked, chunked')}${CHUNKS}`,
  'chunks in two lines, the second unknown': `${post('Transfer-Encoding: chunked', 'Transfer-Encoding: x')}${CHUNKS}`,
  'chunks behind a control character': `${post('Transfer-Encoding: \u000bchunked')}${CHUNKS}`,
  'chunks in quotes': `${post('Transfer-Encoding: "chunked"')}${CHUNKS}`,
  'a chunk of no size': `${post('Transfer-Encoding: chunked')}\r\n\r\n${HIDDEN}`,
  'a chunk whose size is no number': `${post('Transfer-Encoding: chunked')}z\r\n\r\n${HIDDEN}`,
  'a chunk whose size is below zero': `${post('Transfer-Encoding: chunked')}-1\r\n\r\n${HIDDEN}`,
  'a chunk whose size begins with 0x': `${post('Transfer-Encoding: chunked')}0x0\r\n\r\n${HIDDEN}`,
  'a chunk whose size is beyond all numbers': `${post('Transfer-Encoding: chunked')}fffffffffffffffff\r\n\r\n`,
  'a chunk longer than it says': `${post('Transfer-Encoding: chunked')}1\r\nab\r\n${CHUNKS}`,
  'a chunk that ends by a bare line feed': `${post('Transfer-Encoding: chunked')}0\n\n${HIDDEN}`,
  'lines that end by a bare line feed': `POST /auth/refresh HTTP/1.1\nHost: x\n\n${HIDDEN}`,
  'lines that end by a bare carriage return': `POST /auth/refresh HTTP/1.1\rHost: x\r\r${HIDDEN}`,
  'a bare carriage return in a value': `${post('X: a\rContent-Length: 5')}${HIDDEN}`,
  'a bare line feed in a value': `${post('X: a\nContent-Length: 5')}${HIDDEN}`,
  'a NUL in a value': `${post('X: a\u0000b')}${HIDDEN}`,
  'a NUL in a name': `${post('X\u0000: a')}${HIDDEN}`,
  'a blank in a name': `${post('Content Length: 5')}${HIDDEN}`,
  'no host': get('GET /livez HTTP/1.1'),
  'a version of HTTP that there is not': get('GET /livez HTTP/1.9', 'Host: x'),
  'no version of HTTP at all': `${get('GET /livez', 'Host: x')}${HIDDEN}`,
  'the version of another protocol': get('GET /livez HTTPS/1.1', 'Host: x'),
  'a blank in the address': get('GET /livez /x HTTP/1.1', 'Host: x'),
  'a method with a blank before it': get(' GET /livez HTTP/1.1', 'Host: x'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
}

t.test('the boundaries of requests, byte by byte', async (t) => {
  const { app, signUp } = await build(t, {
    routes: (app) => app.get('/hidden', async () => ({ hidden: 'was answered' }))
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo

  /** All that comes back until the server closes the connection; it has five seconds. */
  async function answersTo(bytes: string, isCut = false): Promise<{ text: string; statuses: number[] }> {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part
    })
    socket.on('error', () => {})
    socket.setTimeout(5000, () => socket.destroy())
    socket.write(Buffer.from(bytes, 'latin1'))
    if (isCut) socket.end()
    await once(socket, 'close')
    return {
      text,
      statuses: Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))
    }
  }

  await t.test('a well-formed request is answered, and so is the next one', async (t) => {
    const length = `${post('Content-Length: 0')}${HIDDEN}`
    const chunked = `${post('Transfer-Encoding: chunked')}${CHUNKS}`
    for (const bytes of [length, chunked]) {
      const { text, statuses } = await answersTo(bytes)
      t.strictSame(statuses, [401, 200])
      t.match(text, 'was answered')
    }
  })

  await t.test('a request whose end is in doubt is refused, and nothing behind it is read', async (t) => {
    for (const [why, bytes] of Object.entries(ambiguous)) {
      const { text, statuses } = await answersTo(bytes)
      t.strictSame(statuses, [400], why)
      t.notMatch(text, 'was answered', why)
      t.match(text.toLowerCase(), /\r\nconnection: close\r\n/, why)
    }
  })

  await t.test('a body that was announced and never comes is no request', async (t) => {
    const { statuses } = await answersTo(`${post(`Content-Length: ${HIDDEN.length + 1}`)}${HIDDEN}`, true)
    t.ok(
      statuses.every((status) => status >= 400),
      `${statuses}`
    )
  })

  await t.test('an upgrade to another protocol is ignored', async (t) => {
    const asked = get('GET /livez HTTP/1.1', 'Host: x', 'Connection: Upgrade, close', 'Upgrade: h2c')
    const { statuses } = await answersTo(asked)
    t.strictSame(statuses, [200])
  })

  await t.test('what was refused harmed no other request', async (t) => {
    t.equal((await (await signUp()).get('/auth/me')).status, 200)
  })
})
