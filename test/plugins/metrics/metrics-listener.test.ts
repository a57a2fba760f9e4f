import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import { build } from '../../harness/build.ts'
import { parseExposition } from '../../harness/exposition.ts'
import { captureLog } from '../../harness/log.ts'
import { freePort } from '../../harness/port.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { bearer, HTTP, TOKEN } from '../../harness/scrape.ts'

t.test('with a port of their own', async (t) => {
  const port = await freePort()
  const { app, browser } = await build(t, { env: { AUTH_METRICS: String(port) } })
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)

  await t.test('nothing listens there before the service does', async (t) => {
    await t.rejects(ask('/metrics'))
    await app.metricsListener?.open()
  })

  await t.test('metrics are there, for whoever reaches it', async (t) => {
    const response = await ask('/metrics')
    t.equal(response.status, 200)
    t.equal(response.headers.get('cache-control'), 'no-store')
    t.ok(parseExposition(await response.text()).has(HTTP))
  })

  await t.test('and nothing else is', async (t) => {
    const others: Array<[string, RequestInit?]> = [
      ['/'],
      ['/livez'],
      ['/auth/me'],
      ['/docs'],
      ['/metrics/'],
      ['/metrics', { method: 'POST' }]
    ]
    for (const [path, init] of others) {
      const response = await ask(path, init)
      t.equal(response.status, 404, path)
      t.match(await response.json(), { code: 'not_found' })
    }
  })

  await t.test('the service has no /metrics', async (t) => {
    t.strictSame(refusalOf(await browser().get('/metrics', bearer(TOKEN))), refusal(404, 'not_found'))
  })

  await t.test('it listens on HOST alone', { skip: whyNoOtherAddress() }, async (t) => {
    await t.rejects(connect(otherAddress() as string, port), { code: 'ECONNREFUSED' })
  })

  await t.test('it closes with the app, whoever keeps a connection to it', async (t) => {
    const kept = createConnection(port, '127.0.0.1')
    await once(kept, 'connect')
    kept.on('error', () => {})
    const gone = once(kept, 'close')
    await app.close()
    await gone
    await t.rejects(ask('/metrics'))
  })
})

t.test('a figure that cannot be read is a 500 on that port, told in the log by its request', async (t) => {
  const port = await freePort()
  const { log, lines } = captureLog()
  const { app } = await build(t, { env: { AUTH_METRICS: String(port) }, log })
  await app.metricsListener?.open()
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const before = lines.length
  t.equal((await ask('/metrics')).status, 200)
  t.equal((await ask('/')).status, 404)
  t.equal(lines.length, before, 'neither a scrape nor a stranger is a line')

  app.passwords.hasher.load = () => {
    throw new Error('no figure')
  }
  const response = await ask('/metrics')
  t.equal(response.status, 500)
  const { code, requestId } = (await response.json()) as { code: string; requestId: string }
  t.equal(code, 'internal_error')
  t.match(lines.slice(before), [{ level: 'error', msg: 'failed', requestId, err: { message: 'no figure' } }])
})

t.test('a port in use is told by the name of its setting', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const { app } = await build(t, { env: { AUTH_METRICS: String(port) } })
  await t.rejects(async () => app.metricsListener?.open(), {
    message: `AUTH_METRICS ${port} is in use by another program`
  })
})

async function connect(host: string, port: number): Promise<void> {
  const socket = createConnection(port, host)
  await once(socket, 'connect').finally(() => socket.destroy())
}

function otherAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address
}

function whyNoOtherAddress(): string | false {
  return otherAddress() ? false : 'this machine has no address but loopback'
}
