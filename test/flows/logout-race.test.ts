import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { Answer, Browser } from '../harness/browser.ts'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const ROUNDS = 20
const REFRESHES = 3
const email = 'ada@example.com'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    await gatehouse.signUp(email)

    /** A new session, and what became of refreshes and an end of it that ran beside each other. */
    async function race(round: number, end: (window: Browser) => Promise<Answer>) {
      const window = gatehouse.browser()
      await window.post('/auth/login', { email, password })
      const windows = Array.from({ length: REFRESHES }, () => window.clone())
      const leaving = window.clone()
      const [ended, ...refreshes] = await Promise.all([
        after(round % 7, () => end(leaving)),
        ...windows.map((each, index) => after((round + index) % 5, () => each.post('/auth/refresh')))
      ])
      return { ended, refreshes, windows: [window, ...windows] }
    }

    for (const [path, rounds] of Object.entries({ '/auth/logout': ROUNDS, '/auth/logout-all': 15 })) {
      await t.test(`${path} beside a refresh leaves no token that is accepted`, async (t) => {
        let [won, lost] = [0, 0]
        // A busy machine may order many rounds alike: goes on until both orders were seen.
        for (let round = 0; round < rounds || (won * lost === 0 && round < 10 * rounds); round += 1) {
          const { ended, refreshes, windows } = await race(round, (window) => window.post(path))
          t.equal(ended.status, 204)
          for (const { status, cookies } of refreshes) {
            if (status === 200) won += 1
            else {
              lost += 1
              t.strictSame([status, cookies], [401, []], 'a refusal touches no cookie')
            }
          }
          for (const window of windows) {
            t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
            t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
          }
        }
        t.comment(`${won} refreshes came before the end, ${lost} after it`)
        t.ok(won > 0 && lost > 0, 'now the one was first, now the other')
      })
    }

    await t.test('the end of a session by another device beside its refresh leaves no token', async (t) => {
      const other = gatehouse.browser()
      await other.post('/auth/login', { email, password })
      for (let round = 0; round < 10; round += 1) {
        const { ended, windows } = await race(round, async (window) => {
          const { body } = await window.get('/auth/me')
          return other.delete(`/auth/sessions/${body.session.id}`)
        })
        t.equal(ended.status, 204)
        for (const window of windows) {
          t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
          t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
        }
      }
    })
  })
}

/** Starts the work so many turns of the event loop later. */
async function after<T>(turns: number, work: () => Promise<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate()
  return work()
}
