import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { Writer } from '../../store/sqlite/writer.ts'
import type { Teardown } from '../harness/build.ts'

async function newFile(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'test.db')
}

async function openWriter(t: Teardown): Promise<{ path: string; writer: Writer; read: () => unknown[] }> {
  const path = await newFile(t)
  const writer = await Writer.open(path)
  t.teardown(() => writer.close())
  await writer.runAlone('create table item (id integer primary key)', [])
  await writer.runAlone('create table part (item integer references item deferrable initially deferred)', [])
  const read = () => {
    const db = new Database(path, { readonly: true })
    const rows = db.prepare('select id from item order by id').pluck().all()
    db.close()
    return rows
  }
  return { path, writer, read }
}

const insert = 'insert into item values (?)'

t.test('a transaction is whole: committed it is there, rolled back it is not', async (t) => {
  const { writer, read } = await openWriter(t)
  await writer.begin()
  await writer.run(insert, [1])
  await writer.rollback()
  await writer.begin()
  await writer.run(insert, [2])
  await writer.run(insert, [3])
  await writer.commit()
  t.strictSame(read(), [2, 3])
})

t.test('of parallel transactions those that fail leave nothing, and spoil nothing beside them', async (t) => {
  const { writer, read } = await openWriter(t)
  const work = Array.from({ length: 200 }, async (_, n) => {
    await writer.begin()
    try {
      await writer.run(insert, [n])
      if (n % 3 === 0) await writer.run(insert, [n])
      await writer.commit()
    } catch {
      await writer.rollback()
    }
  })
  await Promise.all(work)
  t.strictSame(
    read(),
    Array.from({ length: 200 }, (_, n) => n).filter((n) => n % 3 !== 0)
  )
})

t.test(
  'a commit that the engine refuses is told to everybody in its group, and to nobody after it',
  async (t) => {
    const { writer, read } = await openWriter(t)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, n) => {
        await writer.begin()
        await writer.run(insert, [n])
        if (n === 5) await writer.run('insert into part values (999)', [])
        await writer.commit()
        return n
      })
    )
    const acknowledged = outcomes.filter(({ status }) => status === 'fulfilled')
    t.ok(acknowledged.length < 20, 'the group with the dangling reference failed')
    await writer.runAlone(insert, [100])
    const stored = read()
    t.equal(stored.at(-1), 100)
    for (const outcome of acknowledged) t.ok(outcome.status === 'fulfilled' && stored.includes(outcome.value))
    t.equal(stored.length, acknowledged.length + 1, 'nothing is there that was not acknowledged')
  }
)

t.test('closing waits for the transaction that is going on', async (t) => {
  const { writer, read } = await openWriter(t)
  await writer.begin()
  await writer.run(insert, [1])
  const closed = writer.close()
  await writer.run(insert, [2])
  await writer.commit()
  await closed
  t.strictSame(read(), [1, 2])
})

t.test(
  'while another process writes, everybody is refused within the bound and nobody waits in line',
  async (t) => {
    const { path, writer, read } = await openWriter(t)
    const other = new Database(path)
    other.exec('begin immediate')
    const started = performance.now()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) => writer.runAlone(insert, [n]))
    )
    t.ok(performance.now() - started < 8000)
    t.ok(outcomes.every(({ status }) => status === 'rejected'))
    other.exec('rollback')
    other.close()
    await writer.runAlone(insert, [7])
    t.ok(read().includes(7))
  }
)
