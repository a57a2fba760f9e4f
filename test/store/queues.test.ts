import t from 'tap'
import { auditEvent } from '../../domain/audit.ts'
import { Problem } from '../../domain/errors.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const FLOOD = 3000
const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

for (const engine of engines) {
  t.test(`on ${engine.name} a flood of writes`, { skip: engine.missing }, async (t) => {
    const { app } = await build(t, { engine })
    const startedAt = performance.now()
    const refusedAfter: number[] = []
    const outcomes = await Promise.allSettled(
      Array.from({ length: FLOOD }, (_, index) =>
        app.store
          .transaction((tx) => tx.audit.append(auditEvent('login.failed', nobody, index)))
          .catch((error) => {
            refusedAfter.push(performance.now() - startedAt)
            throw error
          })
      )
    )
    const reasons = outcomes.filter(({ status }) => status === 'rejected').map(reasonOf)
    const done = FLOOD - reasons.length

    t.test('is refused beyond what the queue holds, as an outage is', async (t) => {
      t.ok(reasons.length > FLOOD / 2, `${reasons.length} of ${FLOOD} refused`)
      t.ok(done >= 500, `${done} done`)
      for (const reason of reasons) {
        if (reason instanceof Problem && reason.code === 'unavailable' && reason.retryAfter === 2) continue
        t.fail('another refusal', { reason })
      }
    })

    t.test('is refused at once, before those who wait are served', async (t) => {
      const early = refusedAfter.filter((after) => after < 1000)
      t.equal(early.length, refusedAfter.length, `the last after ${Math.round(Math.max(...refusedAfter))} ms`)
    })

    t.test('leaves exactly what was acknowledged', async (t) => {
      const written = await app.store.audit.list({ type: 'login.failed', limit: 2 * FLOOD, after: undefined })
      t.equal(written.length, done)
    })
  })
}

function reasonOf(outcome: PromiseSettledResult<unknown>): unknown {
  return outcome.status === 'rejected' ? outcome.reason : undefined
}
