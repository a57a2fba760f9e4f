import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { DAY, HOUR } from '../../domain/clock.ts'
import { auditEvent } from '../../domain/model/audit.ts'
import type { Store } from '../../domain/model/store.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { counts, withToken } from '../harness/scrape.ts'
import { newSession, nobody } from './rows.ts'

const RETENTION = 30 * DAY
const env = { AUTH_AUDIT_RETENTION: '30d' }

async function append(store: Store, count: number, at: number): Promise<void> {
  await store.transaction(async (tx) => {
    for (let n = 0; n < count; n += 1) await tx.audit.append(auditEvent('login.failed', nobody, at))
  })
}

async function countAll(store: Store): Promise<number> {
  let count = 0
  let after: string | undefined
  for (;;) {
    const page = await store.audit.list({ limit: 200, after })
    count += page.length
    if (page.length < 200) return count
    after = page.at(-1)?.id
  }
}

for (const engine of engines) {
  t.test(`audit retention on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const first = await build(t, { engine, env })
    const { app, clock, signUp } = first
    const second = await build(t, { env: first.env, clock })
    const { store } = app

    await t.test('what is older is removed, and nothing that is not', async (t) => {
      await append(store, 1203, clock() - RETENTION - 1)
      await append(store, 40, clock() - RETENTION)
      await append(store, 2, clock())
      t.equal(await app.retention['audit-retention'](), 1203)
      t.equal(await countAll(store), 42)
      t.equal(await app.retention['audit-retention'](), 0, 'for an hour it is done')
    })

    await t.test('two instances at once: one does it, and each row is removed once', async (t) => {
      clock.advance(HOUR)
      await append(store, 700, clock() - RETENTION - 1)
      // The forty of before are past their time by now, too.
      const removed = await Promise.all(
        Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? app : second.app).retention['audit-retention']())
      )
      t.strictSame(removed.filter((count) => count > 0).length, 1)
      t.equal(Math.max(...removed), 740)
      t.equal(await countAll(store), 2)
    })

    await t.test('an instance that died at it is followed by another within the hour', async (t) => {
      clock.advance(HOUR)
      await append(store, 3, clock() - RETENTION - 1)
      t.equal(await store.jobs.claim('audit-retention', clock(), clock() + HOUR), true)
      t.equal(await second.app.retention['audit-retention'](), 0)
      clock.advance(HOUR)
      t.equal(await second.app.retention['audit-retention'](), 3)
    })

    await t.test('who writes meanwhile is not held up', async (t) => {
      clock.advance(HOUR)
      await append(store, 5000, clock() - RETENTION - 1)
      const ada = await signUp()
      let isRunning = true
      const removing = app.retention['audit-retention']().finally(() => {
        isRunning = false
      })
      const took: number[] = []
      while (isRunning) {
        const startedAt = performance.now()
        t.equal((await ada.patch('/auth/me', { name: `${took.length}` })).status, 200)
        took.push(performance.now() - startedAt)
        await pause(10)
      }
      t.equal(await removing, 5000)
      took.sort((a, b) => a - b)
      const [median, worst] = [took[took.length >> 1] ?? 0, took.at(-1) ?? 0]
      t.comment(
        `${took.length} writes beside it: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`
      )
      t.ok(worst < 1000)
    })

    await t.test('other tables are purged by one instance, batch by batch, and counted', async (t) => {
      const measured = await build(t, { env: { ...first.env, ...withToken }, clock })
      const instances = [measured.app, second.app]
      await Promise.all(instances.map(({ retention }) => retention.purge()))
      const before = (await counts(measured, 'gatehouse_rows_removed_total')).purge ?? 0
      clock.advance(HOUR)
      await store.transaction(async (tx) => {
        const { id = '' } = (await tx.users.findByEmail('ada@example.com')) ?? {}
        for (let n = 0; n < 1203; n += 1)
          await tx.sessions.insert({ ...newSession(id), expiresAt: clock() - 8 * DAY })
      })
      t.equal(await store.purge(clock(), 500), 500, 'a batch is bounded')
      t.equal(await measured.app.retention.purge(), 703)
      t.equal(await second.app.retention.purge(), 0, 'for an hour it is done')
      t.equal((await counts(measured, 'gatehouse_rows_removed_total')).purge, before + 703)
    })

    await t.test('with off all is kept', async (t) => {
      const keeping = await build(t, { env: { ...first.env, AUTH_AUDIT_RETENTION: 'off' }, clock })
      clock.advance(HOUR)
      await append(store, 3, 0)
      t.equal(await keeping.app.retention['audit-retention'](), 0)
      t.equal(await app.retention['audit-retention'](), 3, 'it took nobody’s turn')
    })
  })
}
