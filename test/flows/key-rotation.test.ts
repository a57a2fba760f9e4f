import { randomBytes } from 'node:crypto'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportPKCS8,
  generateKeyPair,
  jwtVerify
} from 'jose'
import t from 'tap'
import { HOUR, MINUTE, SECOND } from '../../domain/clock.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import { createVerifier } from '../../verifier/index.ts'
import type { Browser } from '../harness/browser.ts'
import { build, type Teardown, type TestApp } from '../harness/build.ts'
import { createClock, type TestClock } from '../harness/clock.ts'
import { type Engine, engines } from '../harness/engines.ts'
import { freePort } from '../harness/port.ts'
import { UNFOLLOWED } from '../verifier/tokens.ts'

const MAX_AGE = MINUTE
// Instances that share a database are for PostgreSQL.
const ROTATIONS = { sqlite: 3, postgres: 3 }
const MANY = { sqlite: 3, postgres: 5 }
/** At the least, for each rotation. */
const VERIFICATIONS = 200
const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }

const kidOf = (token: string) => decodeProtectedHeader(token).kid as string
const bearing = (token: string) => ({ authorization: `Bearer ${token}` })
const activeOf = ({ app }: TestApp) => app.signingKeys.schedule().active.kid

/** Several instances of one service: one database, one issuer, one clock. */
async function buildInstances(
  t: Teardown,
  engine: Engine,
  count: number,
  issuer: string
): Promise<TestApp[]> {
  const first = await build(t, { engine, env: { AUTH_ISSUER: issuer } })
  const { env, clock } = first
  const others = Array.from({ length: count - 1 }, () => build(t, { env, clock }))
  return [first, ...(await Promise.all(others))]
}

async function pollAll(instances: TestApp[]): Promise<void> {
  await Promise.all(instances.map(({ app }) => app.signingKeys.poll()))
}

async function privateKeyText(algorithm: string): Promise<string> {
  return exportPKCS8(
    (await generateKeyPair(algorithm, { extractable: true, modulusLength: 3072 })).privateKey
  )
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const rotations = ROTATIONS[engine.name]
    t.test(`${rotations} rotations refuse no valid token anywhere`, async (t) => {
      const port = await freePort()
      const issuer = `http://localhost:${port}`
      const instances = await buildInstances(t, engine, 3, issuer)
      const [listening] = instances as [TestApp]
      const { clock } = listening
      await listening.app.listen({ host: '127.0.0.1', port: port })
      const watch = await createWatch(instances, issuer, clock)
      const signers = new Set<string>()

      await watch.issueAndVerify()
      for (let rotation = 0; rotation < rotations; rotation += 1) {
        const { app } = instances[rotation % instances.length] as TestApp
        const before = activeOf(listening)
        clock.advance(1)
        await app.signingKeys.rotate(operator)
        await watch.issueAndVerify()
        await pollAll(instances)
        const [active, ...others] = instances.map(activeOf)
        t.not(active, before, `rotation ${rotation} was done at once`)
        t.ok(
          others.every((kid) => kid === active),
          'and followed by all'
        )
        signers.add(active as string)
        for (let part = 0; part < 2; part += 1) {
          clock.advance(MAX_AGE)
          await instances[(rotation + part) % instances.length]?.app.signingKeys.maintain()
          await watch.issueAndVerify()
        }
      }

      t.equal(signers.size, rotations)
      t.equal(watch.issued.size, signers.size + 1, 'tokens were signed by every key')
      t.strictSame(watch.unpublished, [], 'no key signed that others could not know')
      t.strictSame(watch.refused, [], 'no valid token was refused')
      t.ok(watch.verified() > rotations * VERIFICATIONS, `${watch.verified()} verifications`)
      t.comment(`${watch.verified()} verifications of tokens by ${watch.issued.size} keys`)
      clock.advance(HOUR + 2 * MINUTE)
      await listening.app.signingKeys.maintain()
      t.ok((await listening.app.store.signingKeys.list()).length <= 3, 'and keys do not pile up')
    })

    t.test(`${MANY[engine.name]} instances`, async (t) => {
      const instances = await buildInstances(t, engine, MANY[engine.name], 'http://localhost:3000')
      const [{ app, clock }] = instances as [TestApp]
      const publications = async () =>
        (await app.store.audit.list({ limit: 200, type: 'key.published' })).length
      const upcoming = async () =>
        (await app.store.signingKeys.list()).filter(({ activatesAt }) => activatesAt > clock())

      t.test('that keep up at once when a next key is due make one', async (t) => {
        for (let round = 0; round < 5; round += 1) {
          const { next } = app.signingKeys.schedule()
          clock.advance((next?.activatesAt ?? 0) - clock())
          const known = new Set((await app.store.signingKeys.list()).map(({ kid }) => kid))
          const told = await publications()
          await Promise.all(instances.map(({ app }) => app.signingKeys.maintain()))
          const made = (await app.store.signingKeys.list()).filter(({ kid }) => !known.has(kid))
          t.equal(made.length, 1, 'one new key')
          t.equal((await publications()) - told, 1, 'written down once')
          t.strictSame([...new Set(instances.map(activeOf))], [next?.kid])
          const nextOnes = instances.map(({ app }) => app.signingKeys.schedule().next?.kid)
          t.strictSame([...new Set(nextOnes)], [made[0]?.kid])
        }
      })

      t.test('that are asked to rotate at once change over once, and say when again', async (t) => {
        for (let round = 0; round < 3; round += 1) {
          clock.advance(10 * MINUTE)
          const { next } = app.signingKeys.schedule()
          await Promise.all(instances.map(({ app }) => app.signingKeys.rotate(operator)))
          await pollAll(instances)
          t.strictSame([...new Set(instances.map(activeOf))], [next?.kid])
          t.strictSame(
            (await upcoming()).map(({ activatesAt }) => activatesAt - clock()),
            [2 * MAX_AGE]
          )
          clock.advance(2 * MAX_AGE)
          await app.signingKeys.maintain()
          await pollAll(instances)
        }
      })
    })

    t.test('first boots at the same moment end with one active key and one next', async (t) => {
      for (let round = 0; round < 3; round += 1) {
        const database = await engine.create()
        t.teardown(() => database.remove())
        const clock = createClock()
        const env = { DATABASE_URL: database.url, AUTH_MASTER_KEY: randomBytes(48).toString('base64url') }
        const instances = await Promise.all(Array.from({ length: 3 }, () => build(t, { env, clock })))
        const [first] = instances as [TestApp]
        const keys = await first.app.store.signingKeys.list()
        t.equal(keys.length, 2)
        t.equal(new Set(instances.map(activeOf)).size, 1)
        t.strictSame(new Set(instances.map(({ app }) => app.signingKeys.schedule().next?.kid)).size, 1)
        const window = await first.signUp()
        for (const { browser } of instances)
          t.equal((await browser().get('/auth/me', bearing(window.value('access')))).status, 200)
      }
    })

    t.test(
      'AUTH_JWT_ALG changed by a restart is followed by all, once everybody can know the key',
      async (t) => {
        const [one, two] = (await buildInstances(t, engine, 2, 'http://localhost:3000')) as [TestApp, TestApp]
        const { clock, env } = one
        const ada = await one.signUp()
        clock.advance(MINUTE)
        const before = one.app.signingKeys.schedule()
        const restarted = await build(t, { env: { ...env, AUTH_JWT_ALG: 'EdDSA' }, clock })
        await restarted.app.signingKeys.applyRules()
        await pollAll([one, two])
        const next = one.app.signingKeys.schedule().next as SigningKey
        t.match(next, { algorithm: 'EdDSA', activatesAt: clock() + 2 * MAX_AGE })
        t.not(next.kid, before.next?.kid)

        clock.advance(2 * MAX_AGE - 1)
        t.equal(activeOf(two), before.active.kid)
        const old = ada.value('access')
        clock.advance(1)
        t.equal(activeOf(two), next.kid)
        await ada.post('/auth/refresh')
        t.match(decodeProtectedHeader(ada.value('access')), { alg: 'EdDSA', kid: next.kid })
        for (const { browser } of [one, two, restarted])
          for (const token of [old, ada.value('access')])
            t.equal((await browser().get('/auth/me', bearing(token))).status, 200)

        const keys = await one.app.store.signingKeys.list()
        await restarted.app.signingKeys.maintain()
        await restarted.app.signingKeys.applyRules()
        t.equal((await one.app.store.signingKeys.list()).length, keys.length + 1)
        await restarted.app.signingKeys.applyRules()
        t.equal((await one.app.store.signingKeys.list()).length, keys.length + 1, 'and adopted once')
      }
    )

    t.test(
      'a shorter AUTH_KEY_ROTATION by a restart refuses no token that was signed until then',
      async (t) => {
        const { env, clock, signUp } = await build(t, { engine })
        clock.advance(20 * 24 * 60 * MINUTE)
        const ada = await signUp()
        const restarted = await build(t, { env: { ...env, AUTH_KEY_ROTATION: '10d' }, clock })
        await restarted.app.signingKeys.applyRules()
        await restarted.app.signingKeys.maintain()
        const { status } = await restarted.browser().get('/auth/me', bearing(ada.value('access')))
        t.equal(status, 200)
      }
    )

    t.test('another AUTH_JWT_ALG beside the service, as a command has it, changes nothing', async (t) => {
      const { app, env, clock } = await build(t, { engine })
      const before = await app.store.signingKeys.list()
      clock.advance(MINUTE)
      await build(t, { env: { ...env, AUTH_JWT_ALG: 'RS256' }, clock })
      t.strictSame(await app.store.signingKeys.list(), before)
    })

    for (const algorithm of ['RS256', 'EdDSA']) {
      t.test(`an imported key for ${algorithm} signs at once everywhere and after a restart`, async (t) => {
        const instances = await buildInstances(t, engine, 3, 'http://localhost:3000')
        const [one] = instances as [TestApp]
        const { clock, env } = one
        const windows = await Promise.all(instances.map(({ signUp }, n) => signUp(`person-${n}@example.com`)))
        clock.advance(MINUTE)
        const { kid } = await one.app.signingKeys.import(await privateKeyText(algorithm), operator)
        await pollAll(instances)
        clock.advance(SECOND)
        const restarted = await build(t, { env, clock })
        await restarted.app.signingKeys.applyRules()
        for (const window of windows) {
          t.equal((await window.post('/auth/refresh')).status, 200)
          t.match(decodeProtectedHeader(window.value('access')), { alg: algorithm, kid, typ: 'at+jwt' })
          for (const { browser } of [...instances, restarted])
            t.equal((await browser().get('/auth/me', bearing(window.value('access')))).status, 200)
        }
        const later = await restarted.signUp('later@example.com')
        t.equal(kidOf(later.value('access')), kid)
        const jwks = (await one.browser().get('/.well-known/jwks.json')).body
        t.match(
          (
            await jwtVerify(later.value('access'), createLocalJWKSet(jwks), {
              currentDate: new Date(clock())
            })
          ).payload,
          { sub: String }
        )

        clock.advance(SECOND)
        await one.app.signingKeys.maintain()
        t.equal(one.app.signingKeys.schedule().active.kid, kid, 'upkeep leaves it its time')
      })
    }
  })
}

/** Whoever verifies from outside with a copy of the JWKS that is as old as it may be. */
interface Copy {
  fetchedAt: number
  kids: Set<string>
  verify(token: string): Promise<unknown>
}

/** Has every instance sign, and everybody verify every token that lives. */
async function createWatch(instances: TestApp[], issuer: string, clock: TestClock) {
  const jwksUrl = `${issuer}/.well-known/jwks.json`
  const windows: Browser[] = await Promise.all(
    instances.map(({ signUp }, index) => signUp(`person-${index}@example.com`))
  )
  const issued = new Set<string>()
  const refused: string[] = []
  const unpublished: string[] = []
  let copies: Copy[] = []
  let live: string[] = []
  let verified = 0

  async function fetchCopy(): Promise<Copy> {
    // Neither fetches anew within the test: what it verifies by is what it had then.
    const remote = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: Infinity, cacheMaxAge: Infinity })
    const verifier = createVerifier({ issuer, audience: issuer, clock, ...UNFOLLOWED })
    await Promise.all([remote.reload(), verifier.ready()])
    const options = { issuer, audience: issuer, typ: 'at+jwt' }
    return {
      fetchedAt: clock(),
      kids: new Set(remote.jwks()?.keys.map(({ kid }) => kid as string)),
      async verify(token) {
        await jwtVerify(token, remote, { ...options, currentDate: new Date(clock()) })
        await verifier.verify(token)
      }
    }
  }

  async function expectValid(who: string, token: string, verify: () => Promise<unknown>): Promise<void> {
    verified += 1
    try {
      await verify()
    } catch (error) {
      refused.push(`${who}: ${kidOf(token)}: ${error}`)
    }
  }

  async function ask({ browser }: TestApp, token: string): Promise<void> {
    const { status } = await browser().get('/auth/me', bearing(token))
    if (status !== 200) throw new Error(String(status))
  }

  async function issueAndVerify(): Promise<void> {
    copies = [...copies.filter(({ fetchedAt }) => fetchedAt >= clock() - MAX_AGE), await fetchCopy()]
    const [oldest] = copies as [Copy]
    for (const window of windows) {
      const { status, text } = await window.post('/auth/refresh')
      if (status !== 200) throw new Error(text)
      const token = window.value('access')
      issued.add(kidOf(token))
      if (!oldest.kids.has(kidOf(token))) unpublished.push(kidOf(token))
      live.push(token)
    }
    live = live.filter((token) => (decodeJwt(token).exp ?? 0) * SECOND > clock())
    for (const token of live) {
      for (const [index, instance] of instances.entries())
        await expectValid(`instance ${index}`, token, () => ask(instance, token))
      for (const copy of new Set([oldest, copies.at(-1) as Copy]))
        await expectValid(`copy of ${clock() - copy.fetchedAt} ms`, token, () => copy.verify(token))
    }
  }

  return { issueAndVerify, issued, refused, unpublished, verified: () => verified }
}
