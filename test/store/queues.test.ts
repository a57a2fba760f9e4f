import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { Problem } from '../../domain/errors.ts'
import { auditEvent } from '../../domain/model/audit.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const FLOOD = 3000
/** How many may wait on each engine, and how many it works for at a time. */
const BOUNDS = { sqlite: { waiting: 1000, working: 1 }, postgres: { waiting: 500, working: 10 } }
const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

for (const engine of engines) {
  t.test(`on ${engine.name} a flood of writes`, { skip: engine.missing }, async (t) => {
    const { app } = await build(t, { engine })
    const { waiting, working } = BOUNDS[engine.name]
    const refusals: unknown[] = []
    let done = 0
    let refusedAtFirst = 0
    const write = async (index: number): Promise<void> => {
      try {
        await app.store.transaction((tx) => tx.audit.append(auditEvent('login.failed', nobody, index)))
        if (done === 0) refusedAtFirst = refusals.length
        done += 1
      } catch (error) {
        refusals.push(error)
      }
    }
    const flood = Promise.all(Array.from({ length: FLOOD }, (_, index) => write(index)))
    let longest = 0
    while (done + refusals.length < FLOOD) {
      longest = Math.max(longest, app.store.load().waiting)
      await nextTurn()
    }
    await flood

    t.test('waits in a queue that is bounded', async (t) => {
      t.ok(longest > 0 && longest <= waiting, `${longest} waited`)
      t.ok(done > 0, `${done} done`)
    })

    t.test('is refused at once beyond it, before anybody who waits is served', async (t) => {
      t.ok(refusedAtFirst >= FLOOD - waiting - working, `${refusedAtFirst} of ${FLOOD} refused by then`)
    })

    t.test('is refused as an outage is', async (t) => {
      for (const reason of refusals) {
        if (reason instanceof Problem && reason.code === 'unavailable' && reason.retryAfter === 2) continue
        t.fail('another refusal', { reason })
      }
    })

    t.test('leaves exactly what was acknowledged', async (t) => {
      const written = await app.store.audit.list({ type: 'login.failed', limit: 2 * FLOOD, after: undefined })
      t.equal(written.length, done)
    })
  })
}
