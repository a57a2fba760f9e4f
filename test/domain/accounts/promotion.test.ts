import t from 'tap'
import { operator } from '../../../commands/operator.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'

for (const engine of engines) {
  t.test(`a promotion on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })

    t.test('lets no sign-in beside it live on', async (t) => {
      for (let round = 0; round < 20; round += 1) {
        const email = `beside${round}@example.com`
        await service.signUp(email)
        const window = service.browser()
        const [login] = await Promise.all([
          window.post('/auth/login', { email, password }),
          service.app.accounts.promote(email, operator.caller)
        ])
        t.ok([200, 401].includes(login.status), `login ${login.status}`)
        t.equal((await window.get('/auth/me')).status, 401)
        t.equal((await window.post('/auth/refresh')).status, 401)
      }
    })

    t.test('leaves no password that an earlier link sets beside it', async (t) => {
      for (let round = 0; round < 10; round += 1) {
        const email = `linked${round}@example.com`
        const { id } = (await (await service.signUp(email)).get('/auth/me')).body.user
        const { token } = await service.app.accounts.administration.startPasswordReset(id, operator)
        const [reset] = await Promise.all([
          service.browser().post('/auth/password/reset', { token, password }),
          service.app.accounts.promote(email, operator.caller)
        ])
        t.ok([204, 400].includes(reset.status), `reset ${reset.status}`)
        t.equal((await service.app.store.users.find(id))?.passwordHash, null)
      }
    })
  })
}
