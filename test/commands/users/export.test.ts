import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { build } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'
import { newFolder } from '../../harness/folder.ts'
import { run } from '../../harness/program.ts'
import { newUser } from '../../store/rows.ts'

const BCRYPT = '$2b$04$okGC35xnEdyv4gLG.SvLwOt.A4h81FYyX6BXAOAQ2N1.0t4hxiLLi'

const editor = { name: 'editor', description: '', scope: ['texts:write'] }

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { app, env, setUp } = await build(t, { engine })
    await setUp()
    await app.store.roles.insert(editor)
    await app.store.users.insertAll(
      Array.from({ length: 450 }, (_, n) => ({
        ...newUser(`user${n}@example.com`),
        name: n % 3 === 0 ? null : `Üser ${n}`,
        passwordHash: n % 2 === 0 ? null : BCRYPT,
        disabled: n % 5 === 0,
        emailVerified: n % 7 === 0,
        createdAt: 1_500_000_000_000 + n
      }))
    )
    const { id = '' } = (await app.store.users.findByEmail('user1@example.com')) ?? {}
    await app.store.users.setRoles(id, ['editor'])
    const folder = await newFolder(t)
    const exported = async (from: Record<string, string>, name: string, values = {}) => {
      const file = join(folder, name)
      await perform(from, 'users export', values, [file])
      return file
    }

    const plain = await exported(env, 'plain.jsonl')

    t.test('an export has every account on a line, and hashes only if they are asked for', async (t) => {
      const lines = (await readFile(plain, 'utf8')).trimEnd().split('\n')
      t.equal(lines.length, 451)
      t.strictSame(JSON.parse(lines[2] ?? ''), {
        email: 'user1@example.com',
        name: 'Üser 1',
        emailVerified: false,
        disabled: false,
        roles: ['editor'],
        createdAt: '2017-07-14T02:40:00.001Z'
      })
      t.notOk(lines.some((line) => line.includes('passwordHash') || line.includes('$argon2')))
    })

    t.test('its file is readable by its owner alone, and is never written over', async (t) => {
      t.equal((await stat(plain)).mode & 0o777, 0o600)
      await t.rejects(exported(env, 'plain.jsonl'), { message: /plain\.jsonl exists already/ })
    })

    t.test('an export that is imported elsewhere and exported again is the same', async (t) => {
      const file = await exported(env, 'one.jsonl', { 'with-hashes': true })
      const other = await build(t, { engine })
      await other.app.store.roles.insert(editor)
      const given = { 'with-roles': true, 'trust-verified': true }
      t.match((await perform(other.env, 'users import', given, [file])).json, { created: 451, refused: 0 })
      const again = await exported(other.env, 'other.jsonl', { 'with-hashes': true })
      t.equal(await readFile(again, 'utf8'), await readFile(file, 'utf8'))
    })
  })
}

t.test('without a file, the accounts and nothing else go to standard output', async (t) => {
  const { env, setUp } = await build(t)
  await setUp('root@example.com')
  const { stdout, stderr, code } = await run(['cli.ts', 'users', 'export'], { env })
  t.strictSame([code, stderr], [0, ''])
  t.match(JSON.parse(stdout), { email: 'root@example.com', roles: ['admin'] })
  t.equal(stdout.split('\n').length, 2)
})
