import t from 'tap'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const ROUNDS = 12

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test('a sign-in beside the deletion of its account leaves no token that is believed', async (t) => {
      const { signUp, browser } = await build(t, { engine })
      for (let round = 0; round < ROUNDS; round += 1) {
        const email = `person-${round}@example.com`
        const [leaving, arriving] = [await signUp(email), browser()]
        const [login, deletion] = await Promise.all([
          arriving.post('/auth/login', { email, password }),
          soon(round).then(() => leaving.delete('/auth/me'))
        ])
        t.ok([200, 401].includes(login.status), `login answers ${login.status}`)
        t.equal(deletion.status, 204)
        if (login.status !== 200) continue
        t.equal((await arriving.get('/auth/sessions')).status, 401)
        t.equal((await arriving.post('/auth/refresh')).status, 401)
      }
    })

    t.test('a sign-in beside the disabling of its account leaves no session that lives', async (t) => {
      const { app, signUp, browser } = await build(t, { engine })
      for (let round = 0; round < ROUNDS; round += 1) {
        const email = `person-${round}@example.com`
        await signUp(email)
        const id = (await app.store.users.findByEmail(email))?.id ?? ''
        const arriving = browser()
        const operator = {
          caller: { actorId: 'operator', ip: null, userAgent: null, requestId: null },
          scope: []
        }
        const [login] = await Promise.all([
          arriving.post('/auth/login', { email, password }),
          soon(round).then(() => app.accounts.administration.changeUser(id, { disabled: true }, operator))
        ])
        t.ok([200, 401].includes(login.status), `login answers ${login.status}`)
        t.equal((await arriving.get('/auth/sessions')).status, 401)
        t.equal((await arriving.post('/auth/refresh')).status, 401)
      }
    })
  })
}

/** Around the time that the comparing of a password takes: what matters is the order, and every order is right. */
function soon(round: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, round % 12))
}
