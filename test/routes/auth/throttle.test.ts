import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const LIMIT = 5
const SECOND = 1000
const DAY = 86_400_000
const wrong = 'wrong horse battery staple'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine, env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) } })
    const { clock } = gatehouse
    const administrator = await gatehouse.setUp()
    const login = (email: string, secret: string) =>
      gatehouse.browser().post('/auth/login', { email, password: secret })

    async function failUntilBlocked(email: string): Promise<void> {
      for (let attempt = 0; attempt < LIMIT; attempt += 1) await login(email, wrong)
    }

    await t.test('after so many failures even the right password has to wait', async (t) => {
      await gatehouse.signUp('ada@example.com')
      for (let attempt = 0; attempt < LIMIT; attempt += 1) {
        t.strictSame(refusalOf(await login('ada@example.com', wrong)), refusal(401, 'invalid_credentials'))
      }
      const blocked = await login('ada@example.com', password)
      t.strictSame(refusalOf(blocked), refusal(429, 'rate_limited'))
      t.equal(blocked.headers['retry-after'], '1')
      clock.advance(SECOND)
      t.equal((await login('ada@example.com', password)).status, 200, 'after the wait it is let in')
    })

    await t.test('the delays double, and a try during one costs no other', async (t) => {
      await gatehouse.signUp('delays@example.com')
      await failUntilBlocked('delays@example.com')
      for (const seconds of [1, 2, 4, 8, 16]) {
        const blocked = await login('delays@example.com', password)
        t.strictSame([blocked.status, blocked.headers['retry-after']], [429, String(seconds)])
        clock.advance(seconds * SECOND - 1)
        t.equal((await login('delays@example.com', password)).status, 429, 'a moment before is too early')
        clock.advance(1)
        t.equal((await login('delays@example.com', wrong)).status, 401)
      }
    })

    await t.test('delays stop growing at 17 minutes; then the network rests for a day', async (t) => {
      await gatehouse.signUp('longest@example.com')
      await failUntilBlocked('longest@example.com')
      const waits: number[] = []
      for (let attempt = 0; attempt < 12; attempt += 1) {
        const wait = Number((await login('longest@example.com', wrong)).headers['retry-after'])
        waits.push(wait)
        clock.advance(wait * SECOND)
        t.equal((await login('longest@example.com', wrong)).status, 401)
      }
      t.strictSame(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, DAY / SECOND])
      t.equal((await login('longest@example.com', password)).status, 200, 'and then begins anew')
    })

    await t.test('a success clears the count', async (t) => {
      await gatehouse.signUp('cleared@example.com')
      for (let round = 0; round < 3; round += 1) {
        for (let attempt = 0; attempt < LIMIT - 1; attempt += 1) await login('cleared@example.com', wrong)
        t.equal((await login('cleared@example.com', password)).status, 200)
      }
    })

    await t.test('failures are forgotten after a day without any', async (t) => {
      await gatehouse.signUp('forgotten@example.com')
      await failUntilBlocked('forgotten@example.com')
      clock.advance(DAY + 1)
      for (let attempt = 0; attempt < LIMIT - 1; attempt += 1) {
        t.equal((await login('forgotten@example.com', wrong)).status, 401)
      }
      t.equal((await login('forgotten@example.com', password)).status, 200)
    })

    await t.test('the spellings of an address share one count', async (t) => {
      await gatehouse.signUp('spelt@example.com')
      for (const email of [
        'spelt@example.com',
        'SPELT@example.com',
        'Spelt@Example.Com',
        ' spelt@example.com'
      ]) {
        await login(email, wrong)
      }
      await login('\uff53pelt@example.com', wrong)
      t.equal((await login('spelt@example.com', password)).status, 429)
    })

    await t.test('an address without account is throttled alike', async (t) => {
      for (let attempt = 0; attempt < LIMIT; attempt += 1) {
        t.strictSame(refusalOf(await login('nobody@example.com', wrong)), refusal(401, 'invalid_credentials'))
      }
      t.strictSame(refusalOf(await login('nobody@example.com', wrong)), refusal(429, 'rate_limited'))
    })

    await t.test('of parallel guesses no more than the limit are evaluated', async (t) => {
      const window = await gatehouse.signUp('guessed@example.com')
      const { user } = (await window.get('/auth/me')).body
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => login('guessed@example.com', `${wrong} ${index}`))
      )
      const evaluated = answers.filter(({ status }) => status !== 429)
      t.equal(evaluated.length, LIMIT)
      for (const answer of evaluated) t.strictSame(refusalOf(answer), refusal(401, 'invalid_credentials'))
      for (const answer of answers) {
        if (answer.status === 429) t.strictSame(refusalOf(answer), refusal(429, 'rate_limited'))
      }
      await administrator.post('/auth/login', { email: 'root@example.com', password })
      const trail = await administrator.get(`/admin/audit?type=login.failed&userId=${user.id}`)
      t.equal(trail.body.items.length, LIMIT, 'the audit trail knows of just as many')
    })

    await t.test('others cannot lock out somebody who is signed in on this device', async (t) => {
      const owner = await gatehouse.signUp('owner@example.com')
      await failUntilBlocked('owner@example.com')
      t.equal((await login('owner@example.com', password)).status, 429, 'a stranger has to wait')
      t.equal((await owner.post('/auth/refresh')).status, 200)
      t.equal((await owner.post('/auth/reauthenticate', { password })).status, 200)
      t.equal((await owner.post('/auth/login', { email: 'owner@example.com', password })).status, 200)
    })

    await t.test('a session of somebody else is no known device', async (t) => {
      await gatehouse.signUp('target@example.com')
      const attacker = await gatehouse.signUp('eve@example.com')
      await failUntilBlocked('target@example.com')
      const guess = await attacker.post('/auth/login', { email: 'target@example.com', password: wrong })
      t.strictSame(refusalOf(guess), refusal(429, 'rate_limited'))
    })

    await t.test('a session is throttled by itself', async (t) => {
      const stolen = await gatehouse.signUp('stolen@example.com')
      for (let attempt = 0; attempt < LIMIT; attempt += 1) {
        t.equal((await stolen.post('/auth/reauthenticate', { password: wrong })).status, 401)
      }
      const change = { currentPassword: wrong, newPassword: 'another long enough phrase' }
      t.strictSame(
        refusalOf(await stolen.post('/auth/reauthenticate', { password })),
        refusal(429, 'rate_limited')
      )
      t.strictSame(refusalOf(await stolen.put('/auth/password', change)), refusal(429, 'rate_limited'))
      t.equal((await login('stolen@example.com', password)).status, 200, 'elsewhere nobody waits for it')
    })

    await t.test('a second instance on the same database counts with the first', async (t) => {
      await gatehouse.signUp('shared@example.com')
      const second = await build(t, { clock, env: gatehouse.env })
      await failUntilBlocked('shared@example.com')
      const blocked = await second.browser().post('/auth/login', { email: 'shared@example.com', password })
      t.strictSame(refusalOf(blocked), refusal(429, 'rate_limited'))
    })
  })
}

t.test('tries of one address are limited a minute, whatever the account', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: '3' } })
  const routes: Array<[string, unknown]> = [
    ['/auth/login', { email: 'ada@example.com', password }],
    ['/auth/register', { email: 'ada@example.com', password }],
    ['/auth/password/reset', { token: 'x', password }]
  ]
  for (const [path, body] of routes) t.not((await gatehouse.browser().post(path, body)).status, 429, path)
  for (const [path, body] of [
    ...routes,
    ['/auth/setup', { token: 'x', email: 'a@b.example', password }] as const
  ]) {
    const limited = await gatehouse.browser().post(path, body)
    t.strictSame(refusalOf(limited), refusal(429, 'rate_limited'), path)
    const wait = Number(limited.headers['retry-after'])
    t.ok(wait >= 1 && wait <= 60, 'Retry-After is within the minute')
  }
  t.equal((await gatehouse.browser().get('/livez')).status, 200, 'other routes are not concerned')
})

t.test('a limit on tries takes no session away', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_IP: '1' } })
  const window = await gatehouse.signUp()
  const limited = await window.post('/auth/login', { email: 'ada@example.com', password })
  t.strictSame(refusalOf(limited), refusal(429, 'rate_limited'))
  t.equal((await window.post('/auth/refresh')).status, 200)
  t.equal((await window.get('/auth/me')).status, 200)
})
