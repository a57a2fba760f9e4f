import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const ROUNDS = 20
const DAY = 86_400_000
const root = { email: 'root@example.com', password }

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { app, clock } = gatehouse
    const setUp = (body: object) => gatehouse.browser().post('/auth/setup', body)

    await t.test('a token that was never made is 400', async (t) => {
      for (const token of ['x', 'A'.repeat(43)]) {
        t.strictSame(refusalOf(await setUp({ ...root, token })), refusal(400, 'invalid_token'))
      }
    })

    await t.test('a weak password and a wrong address do not use the link up, a day does', async (t) => {
      const link = await app.accounts.firstAdministrator.issueLink()
      const token = link?.token
      t.equal((await setUp({ ...root, password: 'weak', token })).status, 422)
      t.equal((await setUp({ ...root, email: 'nobody', token })).status, 400)
      t.equal((await setUp({ ...root, token, roles: ['user'] })).status, 400)
      clock.advance(DAY)
      t.strictSame(refusalOf(await setUp({ ...root, token })), refusal(400, 'invalid_token'))
    })

    await t.test('parallel redemptions of many links make exactly one administrator', async (t) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const links = await Promise.all([
          app.accounts.firstAdministrator.issueLink(),
          app.accounts.firstAdministrator.issueLink()
        ])
        const answers = await Promise.all(
          links.map((link, index) =>
            setUp({ password, token: link?.token, email: `admin${round}.${index}@example.com` })
          )
        )
        t.equal(answers.filter(({ status }) => status === 201).length, 1)
        const refused = answers.find(({ status }) => status !== 201)
        t.ok(refused && ['already_set_up', 'invalid_token'].includes(refused.body.code))
        t.strictSame(refused?.cookies, [], 'the other is not signed in')
        t.equal(await app.store.users.countAdministrators(), 1)
        await demoteEverybody()
      }
    })

    await t.test('parallel redemptions of one link make exactly one administrator', async (t) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const link = await app.accounts.firstAdministrator.issueLink()
        const answers = await Promise.all(
          [0, 1].map((index) =>
            setUp({ password, token: link?.token, email: `one${round}.${index}@example.com` })
          )
        )
        t.equal(answers.filter(({ status }) => status === 201).length, 1)
        t.equal(await app.store.users.countAdministrators(), 1)
        await demoteEverybody()
      }
    })

    await t.test('the first administrator is signed in with every scope', async (t) => {
      const link = await app.accounts.firstAdministrator.issueLink()
      const window = gatehouse.browser()
      const { status, body, cookies } = await window.post('/auth/setup', { ...root, token: link?.token })
      t.equal(status, 201)
      t.match(body.user, { email: 'root@example.com', disabled: false })
      t.strictSame(body.user.roles.toSorted(), ['admin', 'user'])
      t.strictSame(cookies.map(({ name }) => name).sort(), ['access', 'device', 'refresh', 'session'])
      t.equal((await window.get('/admin/users')).status, 200)
      const { items } = (await window.get('/admin/audit?type=administrator.set_up')).body
      t.match(items[0], { userId: body.user.id, actorId: body.user.id, sessionId: body.session.id })
    })

    await t.test('once there is an administrator no link is made and none is accepted', async (t) => {
      t.equal(await app.accounts.firstAdministrator.issueLink(), undefined)
      t.strictSame(refusalOf(await setUp({ ...root, token: 'x' })), refusal(409, 'already_set_up'))
    })

    // Back to the state before a set-up, which no route may lead to.
    async function demoteEverybody(): Promise<void> {
      for (const user of await app.store.users.list({ limit: 200 })) {
        if (user.roles.includes('admin')) await app.store.transaction((tx) => tx.users.setRoles(user.id, []))
      }
    }
  })
}
