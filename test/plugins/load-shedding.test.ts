import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { build } from '../harness/build.ts'
import { captureLog } from '../harness/log.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const TOKEN = 'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kEa'
/** Over which the delay of the event loop is averaged. */
const SAMPLE = 1000

t.test(
  'while the event loop is late, everything is refused at once but the process’s own health',
  async (t) => {
    const { log, lines } = captureLog()
    const { app, browser } = await build(t, { log, env: { AUTH_METRICS: TOKEN } })
    t.equal((await app.inject('/auth/me')).statusCode, 401)
    await beLate(2 * SAMPLE)

    const window = browser()
    for (const path of ['/auth/me', '/.well-known/jwks.json', '/nowhere']) {
      const answer = await window.get(path)
      t.strictSame(refusalOf(answer), refusal(503, 'busy'), path)
      t.equal(answer.headers['retry-after'], '2')
    }
    t.equal((await window.post('/auth/login', { email: 'a', password: 'b' })).status, 503)
    t.equal((await window.get('/livez')).status, 200)
    t.equal((await window.get('/readyz')).status, 200)
    const { text } = await window.get('/metrics', { authorization: `Bearer ${TOKEN}` })
    t.match(text, 'gatehouse_requests_shed_total{pressure="eventLoopDelay"} 4\n')
    const told = lines.filter(({ msg }) => msg === 'failed')
    t.equal(told.length, 4)
    t.ok(told.every(({ level }) => level === 'warn'))

    await t.test('and is served again once it is not', async (t) => {
      while ((await window.get('/auth/me')).status === 503) await pause(50)
      t.equal((await window.get('/.well-known/jwks.json')).status, 200)
    })
  }
)

/** Keeps the event loop busy in long turns. */
async function beLate(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    const turn = performance.now() + 0.8 * SAMPLE
    while (performance.now() < turn);
    await pause(1)
  }
}
