import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { counts, gauge, scrape, withToken } from '../../harness/scrape.ts'

t.test('hashes that wait, work and are refused are told, and sign-ins that were too many', async (t) => {
  const service = await build(t, { env: withToken })
  const { hasher } = service.app.passwords
  const flood = Array.from({ length: 1000 }, () => hasher.hash(password).catch(() => {}))
  const { running, waiting } = hasher.load()
  const refused = 1000 - running - waiting
  t.ok(running > 0 && waiting > 0 && refused > 0)
  t.equal((await service.browser().post('/auth/login', { email: 'ada@example.com', password })).status, 503)
  t.strictSame(await counts(service, 'gatehouse_sign_ins_total'), { busy: 1 })
  t.strictSame(await counts(service, 'gatehouse_password_hashes_refused_total'), { '': refused + 1 })
  t.ok(((await gauge(service, 'gatehouse_password_hashes_running')) ?? 0) > 0)
  t.ok(((await gauge(service, 'gatehouse_password_hashes_waiting')) ?? 0) > 0)
  await Promise.all(flood)
  const families = await scrape(service)
  for (const name of ['gatehouse_password_hash_wait_seconds', 'gatehouse_password_hash_duration_seconds']) {
    const samples = families.get(name)?.samples ?? []
    t.equal(samples.find((sample) => sample.name === `${name}_count`)?.value, running + waiting, name)
  }
  t.equal(await gauge(service, 'gatehouse_password_hashes_waiting'), 0)
})

t.test('revocations and keys are told as they are at the scrape', async (t) => {
  let now = 0
  const service = await build(t, { env: withToken, monotonic: () => now })
  const ada = await service.signUp()
  const live = (await gauge(service, 'gatehouse_revocations_live')) ?? 0
  await ada.post('/auth/logout')
  t.equal(await gauge(service, 'gatehouse_revocations_live'), live + 1)
  await service.app.revocations.poll()
  now += 7000
  t.equal(await gauge(service, 'gatehouse_revocations_age_seconds'), 7)

  const days = async () =>
    Math.round(((await gauge(service, 'gatehouse_signing_key_age_seconds')) ?? 0) / 86_400)
  const next = await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds')
  t.equal(await days(), 0)
  service.clock.advance(29 * 86_400_000)
  t.equal(await days(), 29)
  service.clock.advance(2 * 86_400_000)
  t.equal(await days(), 1, 'the next key signs')
  t.equal(await gauge(service, 'gatehouse_signing_keys_retired'), 1)
  t.equal(await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds'), 0, 'none follows yet')
  await service.app.signingKeys.maintain()
  const following = await gauge(service, 'gatehouse_signing_key_next_timestamp_seconds')
  t.equal(Math.round(((following ?? 0) - (next ?? 0)) / 86_400), 30)
})
