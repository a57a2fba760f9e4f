import t from 'tap'
import { build, password } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'

const LIMIT = 5
const wrong = 'wrong horse battery staple'
const email = 'ada@example.com'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine, env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) } })
    await service.signUp(email)
    const user = await service.app.store.users.findByEmail(email)
    const id = user?.id ?? ''
    const login = (secret = password) => service.browser().post('/auth/login', { email, password: secret })
    const lock = async () => {
      for (let attempt = 0; attempt <= LIMIT; attempt += 1) await login(wrong)
    }

    t.test('users unlock lets the owner in at once, by address or id', async (t) => {
      for (const [values, words] of [
        [{ email: 'Ada@Example.com' }, []],
        [{}, [id]]
      ] as const) {
        await lock()
        t.equal((await login()).status, 429)
        const { text, json } = await perform(service.env, 'users unlock', values, [...words])
        t.equal(text, 'ada@example.com can sign in at once.')
        t.strictSame(json, { id, email })
        t.equal((await login()).status, 200)
      }
      const [event] = await service.app.store.audit.list({ limit: 1, type: 'user.unlocked' })
      t.match(event, { actorId: 'operator', userId: id, ip: null })
    })
  })
}
