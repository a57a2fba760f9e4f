import t, { type Test } from 'tap'
import type { Browser } from '../harness/browser.ts'
import { createTcpProxy } from '../harness/tcp-proxy.ts'
import { listen, verifierFor } from './gatehouse.ts'
import { claimsOf, eventually, outcomeOf, refusedAs } from './tokens.ts'

const SOON = 1000
const BLIND = 10_000

t.test('a verifier that follows a listening Gatehouse', async (t) => {
  const gatehouse = await listen(t)
  const { app, signUp, clock } = gatehouse
  const root = await gatehouse.setUp()
  const follow = (t: Test) =>
    verifierFor(t, gatehouse, { revocations: { token: () => gatehouse.follower() } })
  const verifier = follow(t)
  const outcome = (window: Browser) => outcomeOf(verifier.verify(window.value('access')))

  /** Somebody new whom the verifier believes. */
  async function newcomer(t: Test, email: string): Promise<{ window: Browser; id: string }> {
    const window = await signUp(email)
    t.match(await outcome(window), { auth: { kind: 'user' } })
    return { window, id: claimsOf(window.value('access')).sub as string }
  }

  async function refusedSoon(t: Test, token: string, code: 'unauthorized' | 'token_stale', by = verifier) {
    const took = await eventually(async () => 'code' in (await outcomeOf(by.verify(token))))
    t.strictSame(await outcomeOf(by.verify(token)), refusedAs(code))
    t.ok(took < SOON, `${Math.round(took)} ms`)
    t.comment(`${code} after ${Math.round(took)} ms`)
  }

  await t.test('what was revoked before it started is refused from the first call', async (t) => {
    const { window } = await newcomer(t, 'before@example.com')
    await window.clone().post('/auth/logout')
    await app.revocations.poll()
    t.strictSame(await outcomeOf(follow(t).verify(window.value('access'))), refusedAs('unauthorized'))
  })

  await t.test('a logout reaches it within a second, and nobody else', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const { window } = await newcomer(t, `out-${round}@example.com`)
      const other = await newcomer(t, `in-${round}@example.com`)
      const token = window.value('access')
      await window.post('/auth/logout')
      await refusedSoon(t, token, 'unauthorized')
      t.match(await outcome(other.window), { auth: { kind: 'user' } })
    }
  })

  await t.test('a ban reaches it within a second', async (t) => {
    const { window, id } = await newcomer(t, 'banned@example.com')
    t.equal((await root.patch(`/admin/users/${id}`, { disabled: true })).status, 200)
    await refusedSoon(t, window.value('access'), 'unauthorized')
  })

  await t.test(
    'a change of roles makes the token stale within a second, a refreshed one counts',
    async (t) => {
      await root.post('/admin/roles', { name: 'buyer', description: 'Buys', scope: 'orders:write' })
      const { window, id } = await newcomer(t, 'buyer@example.com')
      t.equal((await root.patch(`/admin/users/${id}`, { roles: ['user', 'buyer'] })).status, 200)
      await refusedSoon(t, window.value('access'), 'token_stale')
      t.equal((await window.post('/auth/refresh')).status, 200)
      t.match(await outcome(window), { auth: { scope: ['orders:write'] } })
    }
  )

  await t.test('many at once: each is refused within a second', async (t) => {
    const people = []
    for (let n = 0; n < 20; n += 1) people.push(await newcomer(t, `many-${n}@example.com`))
    const tokens = people.map(({ window }) => window.value('access'))
    await Promise.all(people.map(({ window }) => window.post('/auth/logout')))
    await Promise.all(tokens.map((token) => refusedSoon(t, token, 'unauthorized')))
  })

  await t.test('it asks with a new token when the old one has expired', async (t) => {
    clock.advance(329_000)
    const { window } = await newcomer(t, 'late@example.com')
    const token = window.value('access')
    await window.post('/auth/logout')
    await refusedSoon(t, token, 'unauthorized')
  })

  await t.test('a token without the scope follows nothing: 503, and the owner is told', async (t) => {
    const { window } = await newcomer(t, 'nosy@example.com')
    const warnings: Error[] = []
    const nosy = verifierFor(t, gatehouse, {
      revocations: { token: gatehouse.sign(gatehouse.machine()) },
      onWarning: (warning) => warnings.push(warning)
    })
    t.strictSame(await outcomeOf(nosy.verify(window.value('access'))), refusedAs('unavailable'))
    t.strictSame(
      warnings.map(({ message }) => message),
      [`the revocation feed is lost: ${gatehouse.issuer}/oauth/revocations answered 403`]
    )
  })

  await t.test('one that does not follow believes a token until it expires', async (t) => {
    const { window } = await newcomer(t, 'unseen@example.com')
    const token = window.value('access')
    const deaf = verifierFor(t, gatehouse)
    await window.post('/auth/logout')
    await refusedSoon(t, token, 'unauthorized')
    t.match(await outcomeOf(deaf.verify(token)), { auth: { kind: 'user' } })
    t.strictSame(
      await outcomeOf(verifierFor(t, gatehouse, { clock: () => clock() + 306_000 }).verify(token)),
      refusedAs('unauthorized')
    )
  })
})

t.test('Gatehouse is lost for more than 10 s, and comes back', async (t) => {
  const gatehouse = await listen(t)
  const ada = await gatehouse.signUp()
  const eve = await gatehouse.signUp('eve@example.com')
  const wire = await createTcpProxy({ host: '127.0.0.1', port: gatehouse.port })
  t.teardown(() => wire.close())
  const warnings = { closed: 0, open: 0 }
  const follow = (whenLost: 'closed' | 'open') =>
    verifierFor(t, gatehouse, {
      url: `http://127.0.0.1:${wire.port}`,
      revocations: { token: () => gatehouse.follower(), whenLost },
      onWarning: () => {
        warnings[whenLost] += 1
      }
    })
  const [closed, open] = [follow('closed'), follow('open')]
  const outcomes = (window: Browser) =>
    Promise.all([closed, open].map((each) => outcomeOf(each.verify(window.value('access')))))
  const good = { auth: { kind: 'user' } }
  t.match(await outcomes(ada), [good, good])

  const cutAt = performance.now()
  wire.cut()
  await eve.clone().post('/auth/logout')
  await eventually(async () => 'code' in (await outcomeOf(closed.verify(ada.value('access')))), 2 * BLIND)
  const took = performance.now() - cutAt
  t.comment(`closed after ${Math.round(took)} ms`)
  // The last answer came at most the rest between two questions, and its own wait of 5 s, before the cut.
  t.ok(took > BLIND - 5500 && took < BLIND + 500, `${took} ms`)
  t.match(await outcomes(ada), [refusedAs('unavailable'), good])
  t.match(await outcomes(eve), [refusedAs('unavailable'), good], 'an open one does not know of the logout')
  t.strictSame(warnings, { closed: 1, open: 1 })

  wire.mend()
  const back = await eventually(async () => 'auth' in (await outcomeOf(closed.verify(ada.value('access')))))
  t.comment(`back after ${Math.round(back)} ms`)
  await eventually(async () => 'code' in (await outcomeOf(open.verify(eve.value('access')))))
  t.match(await outcomes(ada), [good, good])
  t.strictSame(await outcomes(eve), [refusedAs('unauthorized'), refusedAs('unauthorized')])

  wire.cut()
  await eventually(() => warnings.closed === 2 && warnings.open === 2)
  wire.mend()
  const bob = await gatehouse.signUp('bob@example.com')
  t.match(await outcomes(bob), [good, good], 'a short outage refuses nobody')
})
