import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../commands/command.ts'
import { commands } from '../../../commands/index.ts'
import { build } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'

const ABOUT_ONE = ['show', 'disable', 'enable', 'unlock', 'reset-password'].map((word) => `users ${word}`)

t.test('an account that does not exist is an error of one line', async (t) => {
  const { env } = await build(t)
  for (const name of ABOUT_ONE) {
    await t.rejects(perform(env, name, { email: 'no@example.com' }), {
      message: 'There is no account with the address no@example.com'
    })
    await t.rejects(perform(env, name, {}, ['nobody']), { message: 'There is no account with the id nobody' })
  }
})

t.test('a command about one account needs either its id or its address', async (t) => {
  for (const name of ABOUT_ONE)
    for (const [values, words] of [
      [{}, []],
      [{ email: '' }, []],
      [{ email: 'ada@example.com' }, ['id']]
    ] as const) {
      const thrown = await perform({}, name, values, [...words]).catch((error: unknown) => error)
      t.ok(thrown instanceof UsageError, `${name} ${JSON.stringify(values)}`)
    }
})

t.test('commands that list, show or change what exists make no database', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const env = { AUTH_DATA_DIR: join(folder, 'mistyped') }
  const message = `There is no database at ${env.AUTH_DATA_DIR}/gatehouse.db`
  const names = commands.map(({ name }) => name)
  for (const name of names.filter((each) => / (list|show|disable|enable|unlock|delete|revoke)$/.test(each)))
    await t.rejects(perform(env, name, {}, name.endsWith(' list') ? [] : ['id']), { message }, name)
  await t.rejects(perform(env, 'users reset-password', { email: 'ada@example.com' }), { message })
  t.strictSame(await readdir(folder), [])
})
