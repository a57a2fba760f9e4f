import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { exportedEvents } from '../../../domain/audit-export.ts'
import { DAY, toIso } from '../../../domain/clock.ts'
import { type AuditType, auditEvent } from '../../../domain/model/audit.ts'
import { build } from '../../harness/build.ts'
import { gatehouse, perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'
import { newFolder } from '../../harness/folder.ts'
import { readPages } from '../../routes/admin/people.ts'

const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, clock, env } = service
    const folder = await newFolder(t)
    const root = await service.setUp()
    const start = clock() + DAY
    const append = (type: AuditType, at: number) => app.store.audit.append(auditEvent(type, nobody, at))
    for (let n = 0; n < 420; n += 1) await append(n % 2 === 0 ? 'login.failed' : 'role.changed', start + n)
    let files = 0
    const exported = async (values: Record<string, string> = {}) => {
      files += 1
      const file = join(folder, `${files}.jsonl`)
      const { text } = await perform(env, 'audit export', values, [file])
      const lines = (await readFile(file, 'utf8')).split('\n')
      t.equal(lines.pop(), '', 'the last line ends')
      t.equal(text, `${file}: ${lines.length} ${lines.length === 1 ? 'event' : 'events'}.`)
      return lines.map((line) => JSON.parse(line))
    }

    await t.test('each row is one line as the API shows it, oldest first', async (t) => {
      const listed = (await readPages(root, '/admin/audit', 200)).flat()
      t.equal(listed.length, 421)
      t.strictSame(await exported(), listed.reverse())
    })

    await t.test('the file is for its owner only, and no file is replaced', async (t) => {
      const file = join(folder, 'mode.jsonl')
      await perform(env, 'audit export', {}, [file])
      t.equal((await stat(file)).mode & 0o777, 0o600)
      const before = await readFile(file)
      await t.rejects(perform(env, 'audit export', {}, [file]), { message: /exists already/ })
      t.strictSame(await readFile(file), before)
    })

    await t.test('time and type choose rows: `from` belongs to the time, and `to` does not', async (t) => {
      const [from, to] = [toIso(start + 100), toIso(start + 110)]
      const at = (events: Array<{ at: string }>) => events.map((event) => Date.parse(event.at) - start)
      t.strictSame(at(await exported({ from, to })), [100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
      t.strictSame(at(await exported({ from, to, type: 'role.changed' })), [101, 103, 105, 107, 109])
      t.equal((await exported({ type: 'administrator.set_up' })).length, 1)
      t.strictSame(await exported({ from: to, to: from }), [])
    })

    await t.test('without a file, standard output has the lines and nothing else', async (t) => {
      const words = ['audit', 'export', '--from', toIso(start + 418)]
      for (const json of [[], ['--json']]) {
        const { code, stdout, stderr } = await gatehouse([...words, ...json], env)
        t.strictSame([code, stderr], [0, ''])
        const lines = stdout.trim().split('\n')
        t.match(
          lines.map((line) => JSON.parse(line)),
          [{ at: toIso(start + 418) }, { at: toIso(start + 419) }]
        )
      }
    })
  })
}

t.test('a time or a type that is none is refused before anything is read', async (t) => {
  const env = { DATABASE_URL: 'postgres://127.0.0.1:1/x' }
  for (const values of [{ from: 'yesterday' }, { to: '2026-13-01' }, { from: '2026-11-01T08:30:00' }])
    await t.rejects(perform(env, 'audit export', values), { message: /must be a time such as/ })
  await t.rejects(perform(env, 'audit export', { type: 'login.fail' }), {
    message: 'There is no event login.fail. Did you mean login.failed?'
  })
})

t.test('a page is read when the one before is written: memory holds no more', async (t) => {
  const { app } = await build(t)
  const { store } = app
  await store.transaction(async (tx) => {
    for (let n = 0; n < 450; n += 1) await tx.audit.append(auditEvent('login.failed', nobody, 0))
  })
  const { list } = store.audit
  let pages = 0
  store.audit.list = (page) => {
    pages += 1
    return list(page)
  }
  const pagesAt: number[] = []
  for await (const _event of exportedEvents(store, {})) pagesAt.push(pages)
  t.strictSame([pagesAt.length, pagesAt[0], pagesAt[199], pagesAt[200], pagesAt[449]], [450, 1, 1, 2, 3])
})
