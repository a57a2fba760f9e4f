import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { MINUTE } from '../../domain/clock.ts'
import { build, password, type Teardown, type TestApp } from '../harness/build.ts'
import { Client } from '../harness/client.ts'
import { type Engine, engines } from '../harness/engines.ts'
import { startServer } from '../harness/program.ts'
import { until } from '../harness/token-watch.ts'
import { basic, type Machine, post, register, tokenOf } from '../oauth/machine.ts'

const CALLERS = 8
const ROTATIONS = 3

const newMasterKey = () => randomBytes(48).toString('base64url')

/** Real servers on one new database, and who administers them. */
async function startServers(t: Teardown, engine: Engine, count: number) {
  const database = await engine.create()
  t.teardown(database.remove)
  const env = {
    LOG_LEVEL: 'info',
    DATABASE_URL: database.url,
    AUTH_MASTER_KEY: newMasterKey(),
    AUTH_ISSUER: 'http://localhost:3000',
    AUTH_RATE_LIMIT_PER_IP: '0',
    // A refused caller would show itself as a failed sign-in of this address, too.
    AUTH_LOGIN_LIMIT_PER_IP: '100'
  }
  const servers = []
  for (let n = 0; n < count; n += 1) {
    const server = await startServer(env)
    t.teardown(() => server.stop('SIGKILL'))
    servers.push(server)
  }
  const last = servers.at(-1)
  const token = new URLSearchParams(new URL(last?.notice.setup ?? '').hash.slice(1)).get('token')
  const root = new Client(last?.url ?? '')
  await root.must('POST', '/auth/setup', { token, email: 'root@example.com', password })
  return { origins: servers.map(({ url }) => url), root }
}

/** Asks for tokens all the time, by whatever secret is current. */
class Caller {
  readonly statuses = new Map<number, number>()
  /** The secret of the call in flight, or of the last one. */
  used = ''
  readonly #ended: Promise<void>
  #isStopped = false

  constructor(origin: string, id: string, secret: () => string) {
    this.#ended = this.#call(`${origin}/oauth/token`, id, secret)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ended
  }

  async #call(url: string, id: string, secret: () => string): Promise<void> {
    while (!this.#isStopped) {
      this.used = secret()
      const response = await fetch(url, {
        method: 'POST',
        headers: basic(id, this.used),
        body: new URLSearchParams({ grant_type: 'client_credentials' })
      }).catch(() => undefined)
      await response?.arrayBuffer()
      const status = response?.status ?? 0
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    }
  }
}

for (const engine of engines) {
  const instances = engine.name === 'postgres' ? 3 : 1
  t.test(
    `secrets of a busy client are rotated on ${engine.name}, ${instances} server(s)`,
    { skip: engine.missing },
    async (t) => {
      const { origins, root } = await startServers(t, engine, instances)
      const made = await root.must('POST', '/admin/clients', { name: 'busy', scope: 'a:b' })
      const url = `/admin/clients/${made.id}/secrets`
      let current = made.clientSecret
      let currentId = made.secrets[0].id
      const callers = Array.from(
        { length: CALLERS },
        (_, n) => new Caller(origins[n % instances] as string, made.id, () => current)
      )
      t.teardown(() => Promise.all(callers.map((caller) => caller.stop())))
      const calls = () =>
        callers.reduce((total, { statuses }) => total + [...statuses.values()].reduce((a, b) => a + b, 0), 0)

      for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
        const before = calls()
        await until(() => calls() >= before + 10 * CALLERS, 'the callers call')
        const { id, clientSecret } = await root.must('POST', url, {})
        current = clientSecret
        await until(
          () => callers.every(({ used }) => used === clientSecret),
          'nobody uses the secret of before'
        )
        await root.must('DELETE', `${url}/${currentId}`)
        currentId = id
      }
      await pause(1000)
      await Promise.all(callers.map((caller) => caller.stop()))

      const statuses = new Set(callers.flatMap((caller) => [...caller.statuses.keys()]))
      t.strictSame(statuses, new Set([200]), 'not one call was refused')
      t.comment(`${calls()} calls by ${CALLERS} callers over ${ROTATIONS} rotations`)
      t.strictSame(
        (await root.must('GET', `/admin/clients/${made.id}`)).secrets.map(({ id }: { id: string }) => id),
        [currentId]
      )
      const failures = await root.must('GET', '/admin/audit?type=client.authentication_failed')
      t.strictSame(failures.items, [])
    }
  )

  t.test(`the last use of a secret on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, clock } = service
    const { clients } = app.store
    const record = clients.recordSecretUse.bind(clients)
    let writes = 0
    clients.recordSecretUse = (...use) => {
      writes += 1
      return record(...use)
    }
    const lastUse = async ({ id }: Machine) => (await clients.find(id))?.secrets[0]?.lastUsedAt

    t.test('is recorded to the minute, and not at every request', async (t) => {
      const machine = await register(service)
      t.equal(await lastUse(machine), null)
      const firstUse = clock()
      for (let call = 0; call < 50; call += 1) await tokenOf(service, machine)
      t.equal(writes, 1)
      t.equal(await lastUse(machine), firstUse)

      clock.advance(MINUTE - 1)
      await Promise.all(Array.from({ length: 50 }, () => tokenOf(service, machine)))
      await pause(600)
      await tokenOf(service, machine)
      t.equal(writes, 1, 'nor after the memory of the client has gone')
      t.equal(await lastUse(machine), firstUse)

      clock.advance(1)
      for (let call = 0; call < 50; call += 1) await tokenOf(service, machine)
      t.equal(writes, 2)
      t.equal(await lastUse(machine), firstUse + MINUTE)
    })

    t.test('is of the secret that was used, and of no try that failed', async (t) => {
      const machine = await register(service)
      writes = 0
      const form = { grant_type: 'client_credentials', client_id: machine.id, client_secret: 'ghs_wrong' }
      t.equal((await post(service, '/oauth/token', form)).status, 401)
      t.equal(writes, 0)
      t.equal(await lastUse(machine), null)
    })

    t.test('is written by no more than those who ask at the very first moment', async (t) => {
      const machine = await register(service)
      writes = 0
      await Promise.all(Array.from({ length: 20 }, () => tokenOf(service, machine)))
      t.comment(`${writes} writes by 20 at once who all read the client first`)
      t.ok(writes >= 1 && writes <= 20)
      await Promise.all(Array.from({ length: 100 }, () => tokenOf(service, machine)))
      const after = writes
      await Promise.all(Array.from({ length: 100 }, () => tokenOf(service, machine)))
      t.equal(writes, after)
    })
  })

  t.test(`under a changed master key on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const [before, after] = [newMasterKey(), newMasterKey()]
    const first = await build(t, { engine, env: { AUTH_MASTER_KEY: before } })
    const { clock } = first
    const start = async (current: string, previous?: string) => {
      const keys = { AUTH_MASTER_KEY: current, ...(previous && { AUTH_MASTER_KEY_PREVIOUS: previous }) }
      const service = await build(t, { env: { ...first.env, ...keys }, clock })
      await service.app.signingKeys.applyRules()
      return service
    }
    const statusOf = async (service: TestApp, { basic }: Machine) =>
      (await post(service, '/oauth/token', { grant_type: 'client_credentials' }, basic)).status
    const hashOf = async ({ id }: Machine) => (await first.app.store.clients.find(id))?.secrets[0]?.hash

    const [used, idle, rolling] = [await register(first), await register(first), await register(first)]
    for (const machine of [used, idle, rolling]) t.equal(await statusOf(first, machine), 200)
    const hashes = { used: await hashOf(used), idle: await hashOf(idle) }

    const old = await start(before, after)
    const renewed = await start(after, before)

    await t.test(
      'a secret that is shown is hashed anew, within the minute of its last use, too',
      async (t) => {
        t.equal(await statusOf(renewed, used), 200)
        t.not(await hashOf(used), hashes.used)
        t.equal(await hashOf(idle), hashes.idle, 'one that nobody showed is as it was')
      }
    )

    await t.test('instances under either key take the same secret in turns, and at once', async (t) => {
      for (let round = 0; round < 10; round += 1) {
        t.equal(await statusOf([old, renewed][round % 2] as TestApp, rolling), 200)
        const at = await Promise.all(
          [old, renewed, old, renewed].map((service) => statusOf(service, rolling))
        )
        t.strictSame(at, [200, 200, 200, 200])
      }
    })

    await t.test(
      'the previous key can go: what was used since still opens, what was not does not',
      async (t) => {
        t.equal(await statusOf(renewed, rolling), 200)
        await pause(600)
        t.equal(await statusOf(renewed, rolling), 200)
        const alone = await start(after)
        t.equal(await statusOf(alone, used), 200)
        t.equal(await statusOf(alone, rolling), 200)
        t.equal(await statusOf(alone, idle), 401)
        t.equal(await statusOf(renewed, idle), 200, 'where the previous one is known it does')
        t.equal(await statusOf(alone, idle), 200, 'and from then on everywhere')
      }
    )
  })
}
