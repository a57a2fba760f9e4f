import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { DAY } from '../../domain/clock.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { Store } from '../../domain/model/store.ts'
import { engines } from '../harness/engines.ts'
import { now, openOn } from './rows.ts'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { store } = await openOn(t, engine)

    t.test('revocations come back while they live', async (t) => {
      const id = uuidv7()
      await store.revocations.add([{ kind: 'user', id, minVersion: 5, expiresAt: now + 5 }])
      await store.revocations.add([{ kind: 'sid', id, expiresAt: now + 7 }])
      const living = async (at: number) => {
        const { entries } = await store.revocations.since(0, at)
        return entries.map(({ revocation }) => revocation).filter((revocation) => revocation.id === id)
      }
      t.strictSame(
        new Set(await living(now + 4)),
        new Set([
          { kind: 'user', id, minVersion: 5, expiresAt: now + 5 },
          { kind: 'sid', id, expiresAt: now + 7 }
        ])
      )
      t.strictSame(await living(now + 5), [{ kind: 'sid', id, expiresAt: now + 7 }])
      t.strictSame(await living(now + 7), [])
    })

    t.test(
      'a reading goes on where the one before ended, and repeats nothing that was decided',
      async (t) => {
        const ids = [uuidv7(), uuidv7()] as const
        await store.revocations.add([{ kind: 'sid', id: ids[0], expiresAt: now + 1 }])
        const next = await decided(store)
        await store.revocations.add([{ kind: 'sid', id: ids[1], expiresAt: now + 1 }])
        const { entries } = await store.revocations.since(next, now)
        t.strictSame(
          entries.map(({ revocation }) => revocation.id),
          [ids[1]]
        )
      }
    )

    t.test('a version that rises again takes the place of the one before, in the table too', async (t) => {
      const [ada, bob] = [uuidv7(), uuidv7()]
      const entry = (kind: 'user' | 'client', id: string, minVersion: number) =>
        ({ kind, id, minVersion, expiresAt: now + minVersion }) as const
      for (let version = 1; version <= 20; version += 1)
        await store.revocations.add([
          entry('user', ada, version),
          { kind: 'sid', id: ada, expiresAt: now + 1 }
        ])
      await store.revocations.add([entry('user', bob, 2), entry('client', ada, 1)])
      await store.revocations.add([entry('user', ada, 3)])
      const { entries } = await store.revocations.since(0, now)
      const kept = entries
        .map(({ revocation }) => revocation)
        .filter(({ kind, id }) => kind !== 'sid' && (id === ada || id === bob))
      t.strictSame(
        new Set(kept),
        new Set([entry('user', ada, 20), entry('user', bob, 2), entry('client', ada, 1)])
      )
      t.ok(entries.some(({ revocation }) => revocation.kind === 'sid' && revocation.id === ada))
    })

    t.test('of versions that rise in parallel the highest stays', async (t) => {
      const id = uuidv7()
      const versions = Array.from({ length: 60 }, (_, n) => n + 1)
      await Promise.all(
        versions.map((minVersion) =>
          store.transaction((tx) =>
            tx.revocations.add([{ kind: 'user', id, minVersion, expiresAt: now + 9 }])
          )
        )
      )
      await store.revocations.add([{ kind: 'user', id, minVersion: 61, expiresAt: now + 9 }])
      const { entries } = await store.revocations.since(0, now)
      const kept = entries.filter(({ revocation }) => revocation.id === id)
      t.strictSame(
        kept.map(({ revocation }) => 'minVersion' in revocation && revocation.minVersion),
        [61]
      )
    })

    t.test('what was written before a reading and committed long after it is not missed', async (t) => {
      const [early, late] = [uuidv7(), uuidv7()]
      const next = await store.transaction(async (tx) => {
        await tx.revocations.add([{ kind: 'sid', id: late, expiresAt: now + 1 }])
        if (engine.name === 'postgres') {
          await store.revocations.add([{ kind: 'sid', id: early, expiresAt: now + 1 }])
        }
        const reading = await store.revocations.since(0, now)
        t.notOk(reading.entries.some(({ revocation }) => revocation.id === late))
        return reading.next
      })
      const { entries } = await store.revocations.since(next, now)
      t.ok(entries.some(({ revocation }) => revocation.id === late))
    })

    t.test('positions only rise, though everything was purged', async (t) => {
      const before = await store.revocations.since(0, now)
      await store.purge(now + 365 * DAY, 1000)
      const after = await store.revocations.since(0, now)
      t.ok(after.next >= before.next)
      const id = uuidv7()
      await store.revocations.add([{ kind: 'sid', id, expiresAt: now + 1 }])
      const { entries } = await store.revocations.since(before.next, now)
      t.ok(entries.some(({ revocation }) => revocation.id === id))
    })

    t.test('more revocations than one statement takes are all recorded', async (t) => {
      const many = Array.from(
        { length: 1200 },
        () => ({ kind: 'jti', id: uuidv7(), expiresAt: now + 1 }) as const
      )
      await store.revocations.add(many)
      const { entries } = await store.revocations.since(0, now)
      t.equal(entries.filter(({ revocation }) => revocation.kind === 'jti').length, 1200)
    })
  })
}

/** Where a reading ends once none of the server's transactions, in other databases of it too, can still add to what it told. */
async function decided(store: Store): Promise<number> {
  let reading = await store.revocations.since(0, now)
  while (reading.entries.length > 0) {
    await setTimeout(10)
    reading = await store.revocations.since(reading.next, now)
  }
  return reading.next
}
