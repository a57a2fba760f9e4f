import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { build } from '../../harness/build.ts'
import { caddyMissing, startComposeCaddy } from '../../harness/proxies.ts'

t.test('through the Caddy of docker-compose.yml', { skip: caddyMissing }, async (t) => {
  const { app } = await build(t, { env: { AUTH_METRICS: randomBytes(32).toString('base64url') } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const caddy = await startComposeCaddy(t, port)
  const ask = async (at: number, path: string) => {
    const response = await fetch(`http://127.0.0.1:${at}${path}`)
    return [response.status, await response.text()]
  }

  t.test('readiness and metrics are nobody’s outside, however they are written', async (t) => {
    for (const path of [
      '/readyz',
      '/READYZ',
      '/%72eadyz',
      '//readyz',
      '/readyz?x=1',
      '/metrics',
      '/%6detrics'
    ])
      t.strictSame(await ask(caddy, path), [404, ''], path)
  })

  t.test('the health check inside still gets an answer, and the public liveness', async (t) => {
    t.strictSame(await ask(port, '/readyz'), [200, '{"ready":true}'])
    t.strictSame(await ask(caddy, '/livez'), [200, '{"alive":true}'])
  })
})
