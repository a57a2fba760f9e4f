import { setImmediate, setTimeout } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { build, password, type Teardown } from '../harness/build.ts'
import { captureLog, type LogLine, said } from '../harness/log.ts'
import { type ValkeyServer, valkey } from '../harness/valkey.ts'

const INSTANCES = 3
const LIMIT = 12
const SHARE = 3
/** Milliseconds in which limits must be exact again after an outage. */
const RECOVERY = 60_000

t.test('three instances on one Valkey', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const { apps, client } = await startInstances(t, server)
  const [app] = apps as [FastifyInstance]

  t.test('of parallel requests spread over them exactly the limit passes', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const statuses = await flood(apps, newAddress(), 3 * LIMIT)
      t.strictSame(tally(statuses), { 401: LIMIT, 429: 2 * LIMIT })
    }
  })

  t.test('so it does for sign-ins, which have a count of their own', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const address = newAddress()
      const statuses = await Promise.all(spread(apps, 9).map((app) => tryLogin(app, address)))
      t.strictSame(tally(statuses), { 400: 4, 429: 5 })
      const rest = await flood(apps, address, 2 * LIMIT)
      t.strictSame(tally(rest), { 401: LIMIT - 9, 429: LIMIT + 9 }, 'beside the count of all requests')
    }
  })

  t.test('right sign-ins leave no count, and a guesser among them has the limit', async (t) => {
    await app.inject({
      method: 'POST',
      url: '/auth/register',
      payload: { email: 'ada@example.com', password }
    })
    const login = (app: FastifyInstance, address: string, secret: string) =>
      tryLogin(app, address, { email: 'ada@example.com', password: secret })
    for (let round = 0; round < 5; round += 1) {
      const [office, mixed] = [newAddress(), newAddress()]
      const right = await Promise.all(spread(apps, LIMIT).map((app) => login(app, office, password)))
      t.strictSame(tally(right), { 200: LIMIT })
      const wrong = spread(apps, 7).map((app) => login(app, mixed, 'wrong horse battery staple'))
      await Promise.all([...wrong, ...spread(apps, 5).map((app) => login(app, mixed, password))])
      t.strictSame(tally(await Promise.all(wrong)), { 401: 4, 429: 3 })
    }
  })

  t.test('a count ends after a minute, and one that lost its end gets it back', async (t) => {
    const address = newAddress()
    await flood(apps, address, 2)
    const key = `gatehouse:http://localhost:3000:limit:requests:${address}`
    const left = await client.pttl(key)
    t.ok(left > 50_000 && left <= 60_000, `${left} ms`)
    await client.persist(key)
    const refused = await flood(apps, address, LIMIT)
    t.strictSame(tally(refused), { 401: LIMIT - 2, 429: 2 }, 'and it counts on')
    t.ok((await client.pttl(key)) > 50_000)
  })

  t.test('a Valkey that forgot everything, scripts and all, begins anew', async (t) => {
    const address = newAddress()
    await flood(apps, address, LIMIT)
    await client.flushall()
    await client.script('FLUSH')
    t.strictSame(tally(await flood(apps, address, 3 * LIMIT)), { 401: LIMIT, 429: 2 * LIMIT })
  })
})

t.test('Valkey that dies', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const { apps, logs } = await startInstances(t, server)
  const spent = newAddress()
  await flood(apps, spent, LIMIT)

  t.test('leaves each instance a quarter of the limit, and one warning of it', async (t) => {
    await server.kill()
    for (let round = 0; round < 3; round += 1) {
      const statuses = await flood(apps, newAddress(), 3 * LIMIT)
      t.strictSame(tally(statuses), { 401: INSTANCES * SHARE, 429: 3 * (LIMIT - SHARE) })
    }
    t.strictSame(tally(await flood(apps, spent, 3 * LIMIT)), {
      401: INSTANCES * SHARE,
      429: 3 * (LIMIT - SHARE)
    })
    const logins = await Promise.all(spread(apps, 9).map((app) => tryLogin(app, '192.0.2.1')))
    t.strictSame(tally(logins), { 400: INSTANCES, 429: 6 }, 'one sign-in at least')
    for (const lines of logs) {
      t.strictSame(said(lines, 'Valkey').sort(), [
        'warn Valkey does not count: limits are local and stricter',
        'warn Valkey is lost: revocations are polled'
      ])
    }
  })

  t.test('says what is left of it', async (t) => {
    const [app] = apps as [FastifyInstance]
    const from = { url: '/auth/me', remoteAddress: newAddress() }
    for (const remaining of ['2', '1', '0']) {
      t.equal((await app.inject(from)).headers['x-ratelimit-remaining'], remaining)
    }
    const refused = await app.inject(from)
    t.equal(refused.statusCode, 429)
    t.match(refused.headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
    t.match(refused.json(), { code: 'rate_limited', status: 429 })
  })

  t.test('and comes back is believed by itself', async (t) => {
    await server.start()
    await exactAgain(t, apps)
    t.strictSame(tally(await flood(apps, newAddress(), 3 * LIMIT)), { 401: LIMIT, 429: 2 * LIMIT })
    for (const lines of logs) {
      t.strictSame(said(lines, 'Valkey').slice(2), [
        'info Valkey is back',
        'info Valkey counts again: limits are exact'
      ])
    }
  })
})

t.test('Valkey that hangs', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const { apps, logs } = await startInstances(t, server)
  const [app] = apps as [FastifyInstance]

  t.test('holds up one request and no more', async (t) => {
    server.pause()
    const took: number[] = []
    const statuses: number[] = []
    for (let n = 0; n < 50; n += 1) {
      const from = performance.now()
      statuses.push(await ask(app, '192.0.2.7'))
      took.push(performance.now() - from)
    }
    t.strictSame(tally(statuses), { 401: SHARE, 429: 50 - SHARE })
    t.ok(Math.max(...took) < 500, `the longest took ${Math.max(...took)} ms`)
    t.ok(took.filter((ms) => ms > 200).length <= 1, `${took.map(Math.round)}`)
  })

  t.test('for as long as it takes', async (t) => {
    const until = performance.now() + 3000
    const took: number[] = []
    const statuses = new Set<number>()
    while (performance.now() < until) {
      const from = performance.now()
      statuses.add(await ask(app, newAddress()))
      took.push(performance.now() - from)
    }
    t.strictSame([...statuses], [401])
    t.ok(took.filter((ms) => ms > 200).length <= 1, `${took.filter((ms) => ms > 200).map(Math.round)}`)
    t.equal(said(logs[0] as LogLine[], 'Valkey does not count').length, 1)
  })

  t.test('and wakes up is believed by itself', async (t) => {
    server.resume()
    await exactAgain(t, apps)
    t.strictSame(tally(await flood(apps, newAddress(), 3 * LIMIT)), { 401: LIMIT, 429: 2 * LIMIT })
  })
})

t.test('Valkey that comes and goes under load is never a 500', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t)
  const { apps } = await startInstances(t, server)
  const statuses = new Set<number>()
  let over = false
  const load = apps.map(async (app, instance) => {
    while (!over) {
      const tries = Array.from({ length: 5 }, () => ask(app, `192.0.2.${instance}`))
      for (const status of await Promise.all([...tries, ask(app, newAddress())])) statuses.add(status)
    }
  })
  for (let round = 0; round < 3; round += 1) {
    await server.kill()
    await server.start()
    await setTimeout(300)
    server.pause()
    await setTimeout(400)
    server.resume()
    await server.stop()
    await server.start()
  }
  over = true
  await Promise.all(load)
  t.strictSame([...statuses].sort(), [401, 429])
  await exactAgain(t, apps)
})

t.test('Valkey that answers and will not count', { skip: valkey.missing }, async (t) => {
  const server = await valkey.start(t, ['--maxmemory', '1'])
  const { apps, client, logs } = await startInstances(t, server)
  const statuses = await flood(apps, newAddress(), 3 * LIMIT)
  t.strictSame(tally(statuses), { 401: INSTANCES * SHARE, 429: 3 * (LIMIT - SHARE) })
  const warnings = logs[0]?.filter(({ level }) => level === 'warn')
  t.strictSame(warnings?.length, 1)
  t.match(warnings, [{ msg: 'Valkey does not count: limits are local and stricter', reason: /^OOM / }])
  await client.config('SET', 'maxmemory', '0')
  await exactAgain(t, apps)
})

t.test('one that was never there leaves a quarter of the limit, too', async (t) => {
  const { app } = await instance(t, { REDIS_URL: 'redis://127.0.0.1:1' })
  t.strictSame(tally(await flood([app], newAddress(), LIMIT)), { 401: SHARE, 429: LIMIT - SHARE })
})

async function startInstances(t: Teardown, { url }: ValkeyServer) {
  const first = await instance(t, { REDIS_URL: url })
  const all = [first]
  while (all.length < INSTANCES) all.push(await instance(t, first.env))
  const client = new Redis(url, { lazyConnect: true, retryStrategy: (tries) => Math.min(tries * 50, 500) })
  client.on('error', () => {})
  t.teardown(() => client.disconnect())
  return { apps: all.map(({ app }) => app), logs: all.map(({ lines }) => lines), client }
}

async function instance(t: Teardown, env: Record<string, string>) {
  const { log, lines } = captureLog()
  const limits = { AUTH_RATE_LIMIT_PER_IP: `${LIMIT}`, AUTH_LOGIN_LIMIT_PER_IP: '4' }
  return { ...(await build(t, { env: { ...limits, ...env }, log })), lines }
}

let addresses = 0

function newAddress(): string {
  addresses += 1
  return `198.18.${addresses >> 8}.${addresses & 255}`
}

/** The instances in turn, `count` of them. */
function spread(apps: FastifyInstance[], count: number): FastifyInstance[] {
  return Array.from({ length: count }, (_, n) => apps[n % apps.length] as FastifyInstance)
}

function flood(apps: FastifyInstance[], address: string, count: number): Promise<number[]> {
  return Promise.all(spread(apps, count).map((app) => ask(app, address)))
}

// An injected request may be done without any I/O: one after the other would keep the connections from ever being served.
async function ask(app: FastifyInstance, remoteAddress: string): Promise<number> {
  await setImmediate()
  return (await app.inject({ url: '/auth/me', remoteAddress })).statusCode
}

/** A sign-in. Without credentials it costs no hash, and counts all the same. */
async function tryLogin(app: FastifyInstance, remoteAddress: string, payload = {}): Promise<number> {
  const headers = { 'sec-fetch-site': 'same-origin' }
  const options = { method: 'POST', url: '/auth/login', payload, remoteAddress, headers } as const
  return (await app.inject(options)).statusCode
}

function tally(statuses: number[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** Resolves once what every instance tells of a new address is the whole limit. */
async function exactAgain(t: Test, apps: FastifyInstance[]): Promise<void> {
  const deadline = performance.now() + RECOVERY
  for (const app of apps) {
    const remaining = async () =>
      (await app.inject({ url: '/auth/me', remoteAddress: newAddress() })).headers['x-ratelimit-remaining']
    while ((await remaining()) !== String(LIMIT - 1)) {
      if (performance.now() > deadline) return void t.fail('limits are not exact again in time')
      await setTimeout(20)
    }
  }
}
