import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import { decodeProtectedHeader, exportPKCS8, generateKeyPair } from 'jose'
import t from 'tap'
import { DAY, SECOND } from '../../domain/clock.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import { build, type TestApp } from '../harness/build.ts'
import { createClock } from '../harness/clock.ts'
import { postgres } from '../harness/engines.ts'
import { captureLog, said } from '../harness/log.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { until } from '../harness/token-watch.ts'
import { wiredPostgres } from '../harness/wired-postgres.ts'
import { createKey } from '../verifier/tokens.ts'

const POLL_INTERVAL = 250
const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }

/** How often the keys were read from the database from now on. */
function countReadings(app: FastifyInstance): () => number {
  const { signingKeys } = app.store
  const list = signingKeys.list
  let readings = 0
  signingKeys.list = () => {
    readings += 1
    return list()
  }
  return () => readings
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** This token with a key id that nobody has. */
function underMadeUpKid(token: string): string {
  const [head, ...rest] = token.split('.')
  const header = JSON.parse(Buffer.from(head ?? '', 'base64url').toString())
  return [encode({ ...header, kid: randomUUID() }), ...rest].join('.')
}

const bearing = (token: string) => ({ authorization: `Bearer ${token}` })
const kidOf = (token: string) => decodeProtectedHeader(token).kid

t.test('a flood of made-up key ids', async (t) => {
  const { app, signUp, browser } = await build(t)
  const token = (await signUp()).value('access')

  t.test(
    'is refused as anything else, and reads the database no more often than it is read anyway',
    async (t) => {
      const readings = countReadings(app)
      const started = performance.now()
      const answers = new Set<string>()
      for (let round = 0; round < 30; round += 1) {
        const group = Array.from({ length: 100 }, () =>
          browser().get('/auth/me', bearing(underMadeUpKid(token)))
        )
        for (const answer of await Promise.all(group)) answers.add(JSON.stringify(refusalOf(answer)))
      }
      const most = 2 + (2 * (performance.now() - started)) / POLL_INTERVAL
      t.strictSame([...answers], [JSON.stringify(refusal(401, 'unauthorized'))])
      t.ok(readings() <= most, `${readings()} readings, at most ${Math.floor(most)}`)
      // A flood may have kept a starved machine from reading what is revoked: it reads again at once.
      const isLetIn = async () => (await browser().get('/auth/me', bearing(token))).status === 200
      await until(isLetIn, 'a true token is let in')
    }
  )

  t.test('asked for at the same moment is one reading, whoever asks', async (t) => {
    await sleep(POLL_INTERVAL + 1)
    const readings = countReadings(app)
    await Promise.all(Array.from({ length: 1000 }, () => app.signingKeys.refresh()))
    t.ok(readings() <= 2, `${readings()} readings`)
  })

  t.test('is not remembered', async (t) => {
    const flood = async (count: number) => {
      for (let n = 0; n < count; n += 1) await app.accessTokens.verify(underMadeUpKid(token)).catch(() => {})
      return usedHeap()
    }
    const before = await flood(5_000)
    const grown = (await flood(20_000)) - before
    t.ok(grown < 2 * 1024 * 1024, `${Math.round(grown / 1024)} KiB more for 20,000 tokens`)
  })
})

t.test('an instance that has not heard of a key', async (t) => {
  let monotonic = 0
  const { app, clock, env } = await build(t, { monotonic: () => monotonic })
  const other = await build(t, { env, clock })
  const ada = await other.signUp()

  t.test('looks for it before it refuses a token of it', async (t) => {
    clock.advance(SECOND)
    await other.app.signingKeys.import(await privateKeyText(), operator)
    clock.advance(SECOND)
    await ada.post('/auth/refresh')
    const token = ada.value('access')
    t.equal(kidOf(token), other.app.signingKeys.schedule().active.kid)
    monotonic += POLL_INTERVAL
    t.match(await app.accessTokens.verify(token), { subject: String })
  })

  t.test('follows within its next reading, without being asked', async (t) => {
    clock.advance(SECOND)
    const { kid } = await other.app.signingKeys.import(await privateKeyText(), operator)
    clock.advance(SECOND)
    const started = performance.now()
    while (app.signingKeys.schedule().active.kid !== kid && performance.now() - started < 5000) await sleep(5)
    const took = performance.now() - started
    t.ok(took < SECOND, `${Math.round(took)} ms`)
  })
})

t.test('whoever makes ready for new keys', async (t) => {
  const { app, clock, signUp } = await build(t)
  const { claims } = await app.accessTokens.verify((await signUp()).value('access'))
  const { active, next } = app.signingKeys.schedule()
  const seen: string[][] = []
  let prepare = async () => {}
  await app.signingKeys.onChange(async (keys) => {
    seen.push(keys.map(({ kid }) => kid))
    await prepare()
  })

  t.test('is given those that sign or will, once', async (t) => {
    t.strictSame(seen, [[active.kid, next?.kid]])
    await app.signingKeys.poll()
    t.equal(seen.length, 1, 'and not again while nothing changes')
  })

  t.test('has done so before they count, and the key before signs until then', async (t) => {
    prepare = async () => {
      t.equal(kidOf(app.accessTokens.issue(claims)), active.kid)
      await sleep(20)
      t.equal(kidOf(app.accessTokens.issue(claims)), active.kid)
    }
    clock.advance(1)
    await app.signingKeys.rotate(operator)
    t.equal(kidOf(app.accessTokens.issue(claims)), next?.kid)
    t.strictSame(seen[1], [next?.kid, app.signingKeys.schedule().next?.kid])
  })

  t.test('and cannot, is asked again, while the keys before go on to count', async (t) => {
    const before = app.signingKeys.schedule()
    prepare = () => Promise.reject(new Error('not now'))
    clock.advance(SECOND)
    await t.rejects(app.signingKeys.import(await privateKeyText(), operator), { message: 'not now' })
    t.equal(app.signingKeys.schedule().active.kid, before.active.kid)
    prepare = async () => {}
    await app.signingKeys.poll()
    clock.advance(SECOND)
    t.match(app.signingKeys.schedule().active, { imported: true })
  })
})

t.test('F14: a signing key that somebody alters in the database', async (t) => {
  const { lines, log } = captureLog()
  const first = await build(t)
  const { clock, env } = first
  const ada = await first.signUp()
  const { active } = first.app.signingKeys.schedule()
  const jwks = async ({ browser }: TestApp) => (await browser().get('/.well-known/jwks.json')).body
  const before = await jwks(first)
  const evil = createKey(active.kid)
  const { claims } = await first.app.accessTokens.verify(ada.value('access'))
  const forged = (kid: string) => evil.sign({ ...claims, jti: 'forged' }, { kid })
  const publicPem = evil.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const alter = (statement: string, ...values: unknown[]) => {
    const db = new Database(sqlitePathOf(env.DATABASE_URL as string) as string)
    db.prepare(statement).run(...values)
    db.close()
  }

  t.test('is the key that was sealed, after a restart, too, and the log says so', async (t) => {
    alter("update signing_keys set public_pem = ?, algorithm = 'EdDSA' where kid = ?", publicPem, active.kid)
    const again = await build(t, { env: { ...env, LOG_LEVEL: 'info' }, clock, log })
    t.strictSame(await jwks(again), before)
    t.equal((await again.browser().get('/auth/me', bearing(ada.value('access')))).status, 200)
    t.equal((await again.browser().get('/auth/me', bearing(forged(active.kid)))).status, 401)
    t.equal(kidOf((await again.signUp('bob@example.com')).value('access')), active.kid)
    t.strictSame(said(lines, 'a signing key'), [
      'error a signing key was altered in the database: its seal counts'
    ])
  })

  t.test('that is put in beside the others is published and believed by nobody', async (t) => {
    alter(
      'insert into signing_keys (kid, algorithm, public_pem, sealed_private_key, imported, created_at, activates_at) values (?, ?, ?, ?, 0, 0, 0)',
      ...['evil', 'ES256', publicPem, active.sealedPrivateKey]
    )
    const again = await build(t, { env: { ...env, LOG_LEVEL: 'info' }, clock, log })
    await first.app.signingKeys.poll()
    for (const instance of [first, again]) {
      t.strictSame(await jwks(instance), before)
      t.equal((await instance.browser().get('/auth/me', bearing(forged('evil')))).status, 401)
    }
    t.match(said(lines, 'a signing key cannot'), ['error a signing key cannot be opened: it is not believed'])
  })
})

t.test('the schedule is followed by the clock alone', async (t) => {
  const { app, clock, signUp } = await build(t)
  const ada = await signUp()
  const { active, next } = app.signingKeys.schedule()
  clock.advance(30 * DAY - 1)
  t.equal(app.signingKeys.schedule().active.kid, active.kid)
  clock.advance(1)
  t.equal(app.signingKeys.schedule().active.kid, next?.kid)
  t.equal(app.signingKeys.schedule().next, undefined)
  const bob = await signUp('bob@example.com')
  t.equal(kidOf(bob.value('access')), next?.kid)
  t.equal(kidOf(ada.value('access')), active.kid)
  await app.signingKeys.maintain()
  t.equal(app.signingKeys.schedule().next?.activatesAt, active.activatesAt + 60 * DAY)
})

t.test('instances whose clocks differ by seconds', async (t) => {
  const clock = createClock()
  const behind = createClock(clock() - 3 * SECOND)
  const env = { AUTH_KEY_ROTATION: '10s' }
  const ahead = await build(t, { clock, env })
  const late = await build(t, { clock: behind, env: ahead.env })
  const both = [ahead, late]
  const windows = [await ahead.signUp('a@example.com'), await late.signUp('b@example.com')]

  t.test('sign by the first key from the start', async (t) => {
    t.equal(late.app.signingKeys.schedule().active.kid, ahead.app.signingKeys.schedule().active.kid)
  })

  t.test('always have a key to sign by, and believe each other’s tokens', async (t) => {
    const kids = new Set<string | undefined>()
    const refused: string[] = []
    for (let second = 0; second < 60; second += 1) {
      clock.advance(SECOND)
      behind.advance(SECOND)
      for (const { app } of both) {
        await app.signingKeys.maintain()
        await app.signingKeys.poll()
      }
      for (const window of windows) {
        const { status } = await window.post('/auth/refresh')
        if (status !== 200) refused.push(`refresh ${status} in second ${second}`)
        const token = window.value('access')
        kids.add(kidOf(token))
        for (const { app, browser } of both) {
          const { status } = await browser().get('/auth/me', bearing(token))
          const name = app === ahead.app ? 'ahead' : 'late'
          if (status !== 200) refused.push(`${name} in second ${second}`)
        }
      }
    }
    t.strictSame(refused, [])
    t.ok(kids.size >= 6, `${kids.size} keys signed`)
  })
})

t.test('a database that is lost', { skip: postgres.missing }, async (t) => {
  const { wire, url } = await wiredPostgres(t)
  const { app, signUp, browser } = await build(t, {
    env: { DATABASE_URL: url },
    routes: (app) => app.get('/guarded', { preHandler: app.tokenGuard('bearer') }, async () => ({ ok: true }))
  })
  const token = (await signUp()).value('access')
  const get = (bearer: string) => browser().get('/guarded', bearing(bearer))
  wire.cut()
  await sleep(POLL_INTERVAL)

  t.test('is 503 for a token of an unknown key, for nobody can say whose it is', async (t) => {
    const answer = await get(underMadeUpKid(token))
    t.strictSame(refusalOf(answer), refusal(503, 'unavailable'))
    t.match(answer.headers['retry-after'], /^\d+$/)
  })

  t.test('does not matter to tokens of keys that are known', async (t) => {
    t.equal((await get(token)).status, 200)
  })

  t.test('is 401 for an unknown key once it is back', async (t) => {
    wire.mend()
    for (let tries = 0; tries < 40 && (await get(underMadeUpKid(token))).status !== 401; tries += 1)
      await sleep(50)
    t.strictSame(refusalOf(await get(underMadeUpKid(token))), refusal(401, 'unauthorized'))
    t.equal((await get(token)).status, 200)
    await app.signingKeys.poll()
  })
})

async function privateKeyText(): Promise<string> {
  return exportPKCS8((await generateKeyPair('EdDSA', { extractable: true })).privateKey)
}

function usedHeap(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 3; round += 1) collect()
  return process.memoryUsage().heapUsed
}
