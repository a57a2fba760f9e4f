import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { build, password } from '../harness/build.ts'
import { http2FrontEnds } from '../harness/http2-front-ends.ts'
import { Http2Visitor, type StreamEnd } from '../harness/http2-visitor.ts'

const ENDS: StreamEnd[] = ['in its headers', 'in an empty frame']

t.test('behind an HTTP/2 proxy that does not buffer requests', async (t) => {
  const { app } = await build(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const encodings: Array<string | undefined> = []
  app.server.prependListener('request', ({ headers }: IncomingMessage) => {
    encodings.push(headers['transfer-encoding'])
  })

  for (const frontEnd of http2FrontEnds) {
    await t.test(frontEnd.name, { skip: frontEnd.missing }, async (t) => {
      const proxyPort = await frontEnd.start(t, port)

      for (const end of ENDS) {
        await t.test(`a POST that ends ${end} refreshes and signs out`, async (t) => {
          const visitor = new Http2Visitor(t, proxyPort)
          const email = `${frontEnd.name.split(' ')[0]}${ENDS.indexOf(end)}@example.com`
          t.equal(await visitor.post('/auth/register', { email, password }), 201)
          t.equal(await visitor.postNothing('/auth/refresh', end), 200)
          t.equal(await visitor.postNothing('/auth/logout', end), 204)
          const passedOn = end === 'in its headers' ? undefined : 'chunked'
          t.strictSame(encodings.slice(-2), [passedOn, passedOn])
        })
      }
    })
  }
})
