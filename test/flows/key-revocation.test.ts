import { createPrivateKey } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { MINUTE, SECOND, toNumericDate } from '../../domain/clock.ts'
import { Problem } from '../../domain/errors.ts'
import { openKey } from '../../domain/keys/signing-key.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import { backUpDatabase } from '../../store/sqlite/backup.ts'
import type { Claims } from '../../verifier/claims.ts'
import { build, type TestApp } from '../harness/build.ts'
import { perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'
import { newService } from '../harness/restorable.ts'
import { type ListeningGatehouse, listen, verifierFor } from '../verifier/gatehouse.ts'
import { person } from '../verifier/impostor.ts'
import { eventually, outcomeOf, refusedAs, signer, UNFOLLOWED } from '../verifier/tokens.ts'

const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }
const ROUNDS = 2

const kidOf = (token: string) => decodeProtectedHeader(token).kid as string
const activeOf = ({ app }: TestApp) => app.signingKeys.schedule().active
const published = async ({ browser }: TestApp): Promise<string[]> =>
  (await browser().get('/.well-known/jwks.json')).body.keys.map(({ kid }: SigningKey) => kid)
const outcome = ({ app }: TestApp, token: string) => outcomeOf(app.accessTokens.verify(token))

/** What Gatehouse gives a machine now that follows its revocations. */
const machineToken = ({ app, machine }: ListeningGatehouse) =>
  app.accessTokens.issue(machine({ scope: 'revocations:read' }) as unknown as Claims)

/** Makes tokens for anybody, by the private half of this key. */
function thief({ app, clock }: TestApp, key: SigningKey) {
  const { privatePem } = openKey(key, app.derivedKeys.signingKeyWrap)
  const sign = signer({ ...key, privateKey: createPrivateKey(privatePem) })
  const issuer = app.config.AUTH_ISSUER
  let made = 0
  return () => {
    const iat = toNumericDate(clock())
    made += 1
    const ids = { sub: 'root', sid: 'made-up', jti: `forged-${made}` }
    return sign(person(issuer, { ...ids, iat, exp: iat + 300, auth_time: iat, scope: 'users:write' }))
  }
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test('F8: a stolen key that signs is withdrawn', async (t) => {
      const one = await build(t, { engine })
      const { app, clock, env } = one
      const two = await build(t, { env, clock })
      const root = await one.setUp()
      const ada = await one.signUp()
      const { active: stolen, next } = app.signingKeys.schedule()
      const forge = thief(one, stolen)
      const forged = forge()
      const genuine = ada.value('access')
      const text = openKey(stolen, app.derivedKeys.signingKeyWrap).privatePem
      for (const instance of [one, two])
        t.match(await outcome(instance, forged), { auth: { subject: 'root' } })
      clock.advance(SECOND)

      t.test('by an administrator, with no word in reply', async (t) => {
        const { status, text, cookies } = await root.delete(`/admin/keys/${stolen.kid}`)
        t.strictSame({ status, text, cookies }, { status: 204, text: '', cookies: [] })
      })

      t.test('at once it is in no JWKS and believed no more, seen before or not', async (t) => {
        t.strictSame(await published(one), [next?.kid])
        for (const token of [forged, forge(), genuine])
          t.strictSame(await outcome(one, token), refusedAs('token_stale'))
        t.equal(app.accessTokens.read(forge()), undefined, 'nor is what it says for a sign-out')
      })

      t.test('people go on by a refresh, with a key that signs from now on', async (t) => {
        t.strictSame(refusalOf(await ada.get('/auth/me')), refusal(401, 'token_stale'))
        t.equal((await ada.post('/auth/refresh')).status, 200)
        t.equal(kidOf(ada.value('access')), next?.kid)
        t.equal((await ada.get('/auth/me')).status, 200)
        t.match(app.signingKeys.schedule().active, { kid: next?.kid, activatesAt: clock() })
      })

      t.test('within a second another instance does the same', async (t) => {
        const took = await eventually(
          async () =>
            'code' in (await outcome(two, forged)) &&
            !(await published(two)).includes(stolen.kid) &&
            activeOf(two).kid === next?.kid
        )
        t.ok(took < SECOND, `${Math.round(took)} ms`)
        t.strictSame(await outcome(two, forge()), refusedAs('token_stale'))
        t.match(await outcome(two, ada.value('access')), { auth: { kind: 'user' } })
      })

      t.test('an instance that starts later, however much later, knows it, too', async (t) => {
        clock.advance(2 * 60 * MINUTE)
        await app.store.purge(clock(), 1000)
        const third = await build(t, { env, clock })
        t.strictSame(await outcome(third, forge()), refusedAs('token_stale'))
        t.notOk((await published(third)).includes(stolen.kid))
      })

      t.test('it cannot be imported again', async (t) => {
        await t.rejects(app.signingKeys.import(text, operator), {
          code: 'invalid_request',
          detail: 'This signing key was revoked: make another.'
        })
      })

      t.test('its private half is deleted, and who did it is written down', async (t) => {
        t.notOk((await app.store.signingKeys.list()).some(({ kid }) => kid === stolen.kid))
        const [event, ...others] = await app.store.audit.list({ limit: 10, type: 'key.revoked' })
        t.strictSame(others, [])
        t.match(event, { actorId: String, ip: '127.0.0.1', requestId: String })
        t.strictSame(event?.detail, { published: [], activated: [next?.kid], removed: [stolen.kid] })
      })
    })

    t.test('a key that does not sign is withdrawn, and the one that does goes on', async (t) => {
      const one = await build(t, { engine })
      const { app, clock } = one
      clock.advance(SECOND)
      const retired = activeOf(one)
      const forge = thief(one, retired)
      await app.signingKeys.rotate(operator)
      const { active, next } = app.signingKeys.schedule()
      const ada = await one.signUp()
      for (const key of [retired, next as SigningKey]) {
        await app.signingKeys.revoke(key.kid, operator)
        t.equal(activeOf(one).kid, active.kid)
        t.equal((await ada.get('/auth/me')).status, 200)
      }
      t.strictSame(await published(one), [active.kid])
      t.strictSame(await outcome(one, forge()), refusedAs('token_stale'))
      await app.signingKeys.maintain()
      t.ok(app.signingKeys.schedule().next, 'and there is a successor again')
    })

    t.test('without another key a new one signs at once', async (t) => {
      const one = await build(t, { engine })
      const { app, clock } = one
      clock.advance(SECOND)
      const ada = await one.signUp()
      const { active, next } = app.signingKeys.schedule()
      await app.signingKeys.revoke(next?.kid ?? '', operator)
      await app.signingKeys.revoke(active.kid, operator)
      const made = activeOf(one)
      t.notOk([active.kid, next?.kid].includes(made.kid))
      t.equal((await ada.post('/auth/refresh')).status, 200)
      t.equal(kidOf(ada.value('access')), made.kid)
      t.equal((await ada.get('/auth/me')).status, 200)
    })

    t.test(
      'revoked by all at the same moment, it is revoked once, and there is a key that signs',
      async (t) => {
        const one = await build(t, { engine })
        const two = await build(t, { env: one.env, clock: one.clock })
        const ada = await one.signUp()
        for (let round = 0; round < ROUNDS; round += 1) {
          one.clock.advance(SECOND)
          const keys = (await one.app.store.signingKeys.list()).map(({ kid }) => kid)
          const calls = keys.flatMap((kid) =>
            [one, two, one, two].map(({ app }) => app.signingKeys.revoke(kid, operator))
          )
          const failures = (await Promise.allSettled(calls)).flatMap((call) =>
            call.status === 'rejected' ? [call.reason] : []
          )
          t.equal(calls.length - failures.length, keys.length)
          t.ok(failures.every((reason) => reason instanceof Problem && reason.code === 'not_found'))
          await Promise.all([one, two].map(({ app }) => app.signingKeys.poll()))
          t.equal(activeOf(one).kid, activeOf(two).kid)
          t.equal((await ada.post('/auth/refresh')).status, 200)
          t.equal((await ada.get('/auth/me')).status, 200)
          if (round % 2 === 0) await two.app.signingKeys.maintain()
        }
      }
    )

    t.test(
      'F8: services that follow refuse a stolen key within a second, others once it is unpublished',
      async (t) => {
        const gatehouse = await listen(t, { engine })
        const ada = await gatehouse.signUp()
        const follower = verifierFor(t, gatehouse, {
          revocations: { token: () => machineToken(gatehouse) }
        })
        const stolen = activeOf(gatehouse)
        const forge = thief(gatehouse, stolen)
        const seen = forge()
        t.match(await outcomeOf(follower.verify(seen)), { auth: { subject: 'root' } })
        gatehouse.clock.advance(SECOND)
        await gatehouse.app.signingKeys.revoke(stolen.kid, operator)
        const took = await eventually(async () => 'code' in (await outcomeOf(follower.verify(seen))))
        t.ok(took < SECOND, `${Math.round(took)} ms`)
        for (const token of [seen, forge()])
          t.strictSame(await outcomeOf(follower.verify(token)), refusedAs('token_stale'))
        await ada.post('/auth/refresh')
        t.match(await outcomeOf(follower.verify(ada.value('access'))), { auth: { kind: 'user' } })

        const later = verifierFor(t, gatehouse, UNFOLLOWED)
        t.strictSame(await outcomeOf(later.verify(forge())), refusedAs('unauthorized'))
      }
    )
  })
}

t.test('a revoked key does not come back by a backup from before', async (t) => {
  const { service, place } = await newService(t)
  const stolen = activeOf(service)
  backUpDatabase(place.path, place.backup)
  await service.app.signingKeys.revoke(stolen.kid, operator)
  await service.app.close()
  await perform(place.env, 'restore', {}, [place.backup])
  const after = await build(t, { env: place.env })
  t.notOk((await published(after)).includes(stolen.kid))
  t.notOk((await after.app.store.signingKeys.list()).some(({ kid }) => kid === stolen.kid))
  t.equal(after.app.revocations.isKeyRevoked(stolen.kid), true)
  t.equal((await after.signUp()).value('access').length > 0, true)
})
