import t from 'tap'
import { DAY, HOUR, SECOND } from '../../domain/clock.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    for (const jump of [90 * SECOND, 2 * HOUR, 3 * DAY, -90 * SECOND, -2 * HOUR, -3 * DAY]) {
      t.test(
        `a clock that jumps by ${jump / SECOND} s and back revives nothing that was revoked`,
        async (t) => {
          // No time passes: the clock is set.
          const first = await build(t, { engine, elapsed: () => 0 })
          const { app, clock, env, signUp } = first
          const second = await build(t, { env, clock, elapsed: () => 0 })
          const window = await signUp()
          const token = window.value('access')
          await window.post('/auth/logout-all')
          await second.app.revocations.poll()

          clock.advance(jump)
          for (const each of [first, second]) await each.app.revocations.poll()
          await app.store.purge(app.steadyClock(), 1000)
          clock.advance(-jump)
          const third = await build(t, { env, clock })
          for (const each of [first, second, third]) {
            await each.app.revocations.poll()
            t.strictSame(
              refusalOf(await each.browser().get('/auth/check', bearer(token))),
              refusal(401, 'unauthorized')
            )
          }
        }
      )
    }
  })
}
