import type { AddressInfo } from 'node:net'
import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { type HeaderLines, Visitor } from '../../harness/visitor.ts'

/** Content types that browsers, libraries and proxies send with an empty body; '' is none. */
const TYPES = [
  '',
  'application/json',
  'text/plain;charset=UTF-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream'
]

/** In chunks, as a proxy sends a body whose length it does not know. */
const inChunks = (type: string): HeaderLines => [
  ['Sec-Fetch-Site', 'same-origin'],
  ['Transfer-Encoding', 'chunked'],
  ...(type === '' ? [] : ([['Content-Type', type]] as HeaderLines))
]

t.test('an empty body counts as none', async (t) => {
  const { app } = await build(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo

  for (const [at, type] of TYPES.entries()) {
    await t.test(`in chunks, with ${type === '' ? 'no content type' : `the type ${type}`}`, async (t) => {
      const visitor = new Visitor(port)
      await visitor.post('/auth/register', { email: `${at}@example.com`, password })
      t.equal((await visitor.send('POST', '/auth/refresh', inChunks(type))).status, 200)
      t.equal((await visitor.send('POST', '/auth/logout', inChunks(type))).status, 204)
    })
  }

  await t.test('but one byte that is not JSON is refused', async (t) => {
    for (const type of TYPES.filter((type) => type !== 'application/json')) {
      const { status, text } = await new Visitor(port).send(
        'POST',
        '/auth/logout',
        inChunks(type),
        Buffer.from('x')
      )
      t.equal(status, 415, type)
      t.match(JSON.parse(text), { code: 'unsupported_media_type' })
    }
  })
})
