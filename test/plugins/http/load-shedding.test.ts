import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Answer } from '../../harness/browser.ts'
import { build } from '../../harness/build.ts'
import { captureLog } from '../../harness/log.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const TOKEN = 'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kEa'
const SPA = 'http://localhost:5173'
/** Milliseconds: longer than the limit. */
const LONG_TURN = 800

t.test(
  'while the event loop is late, everything is refused at once but the process’s own health',
  async (t) => {
    const { log, lines } = captureLog()
    const env = { AUTH_METRICS: TOKEN, AUTH_ALLOWED_ORIGINS: SPA, AUTH_MAX_EVENT_LOOP_DELAY: '500ms' }
    const { app, browser } = await build(t, { log, env })
    t.equal((await app.inject('/auth/me')).statusCode, 401)
    await beLate(app)

    const window = browser()
    const spa = browser({ origin: SPA, 'sec-fetch-site': 'same-site' })
    const preflight = { 'access-control-request-method': 'POST' }
    // All in one turn of the event loop: no sample is taken in between, however slow the machine.
    const [allowed, ...answers] = await Promise.all([
      spa.request('OPTIONS', '/auth/login', undefined, preflight),
      window.get('/auth/me'),
      window.get('/.well-known/jwks.json'),
      window.get('/nowhere'),
      window.post('/auth/login', { email: 'a', password: 'b' }),
      spa.post('/auth/login', { email: 'a', password: 'b' })
    ])
    for (const answer of answers) {
      t.strictSame(refusalOf(answer), refusal(503, 'busy'))
      t.equal(answer.headers['retry-after'], '2')
    }
    t.equal(allowed.status, 204, 'a preflight costs nothing')
    const { headers } = answers.at(-1) as Answer
    t.equal(headers['access-control-allow-origin'], SPA, 'another origin’s app may read why')
    t.match(headers['access-control-expose-headers'], 'retry-after')

    t.equal((await window.get('/livez')).status, 200)
    t.equal((await window.get('/readyz')).status, 200)
    const { text } = await window.get('/metrics', { authorization: `Bearer ${TOKEN}` })
    t.match(text, `gatehouse_requests_shed_total{pressure="eventLoopDelay"} ${answers.length}\n`)
    const told = lines.filter(({ msg }) => msg === 'failed')
    t.equal(told.length, answers.length)
    t.ok(told.every(({ level }) => level === 'warn'))

    await t.test('and is served again once it is not', async (t) => {
      while ((await window.get('/auth/me')).status === 503) await pause(50)
      t.equal((await window.get('/.well-known/jwks.json')).status, 200)
    })
  }
)

/** Keeps the event loop busy in long turns, until a sample says so. */
async function beLate(app: FastifyInstance): Promise<void> {
  while (!app.isUnderPressure()) {
    const end = performance.now() + LONG_TURN
    while (performance.now() < end);
    await pause(1)
  }
}
