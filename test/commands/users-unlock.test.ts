import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../commands/command.ts'
import { build, password } from '../harness/build.ts'
import { perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'
import { run } from '../harness/program.ts'

const LIMIT = 5
const wrong = 'wrong horse battery staple'
const email = 'ada@example.com'

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine, env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(LIMIT) } })
    await service.signUp(email)
    const user = await service.app.store.users.findByEmail(email)
    const id = user?.id ?? ''
    const login = (secret = password) => service.browser().post('/auth/login', { email, password: secret })
    const lock = async () => {
      for (let attempt = 0; attempt <= LIMIT; attempt += 1) await login(wrong)
    }

    t.test('users unlock lets the owner in at once, by address or id', async (t) => {
      for (const [values, words] of [
        [{ email: 'Ada@Example.com' }, []],
        [{}, [id]]
      ] as const) {
        await lock()
        t.equal((await login()).status, 429)
        const { text, json } = await perform(service.env, 'users unlock', values, [...words])
        t.equal(text, 'ada@example.com can sign in at once.')
        t.strictSame(json, { id, email })
        t.equal((await login()).status, 200)
      }
      const [event] = await service.app.store.audit.list({ limit: 1, type: 'user.unlocked' })
      t.match(event, { actorId: 'operator', userId: id, ip: null })
    })

    t.test('an account that is not there is told in one line', async (t) => {
      const unlock = (values: object, words: string[] = []) =>
        perform(service.env, 'users unlock', { ...values }, words)
      await t.rejects(unlock({ email: 'no@example.com' }), {
        message: 'There is no account with the address no@example.com'
      })
      await t.rejects(unlock({}, ['nobody']), { message: 'There is no account with the id nobody' })
    })
  })
}

t.test('users unlock asks whose', async (t) => {
  for (const [values, words] of [
    [{}, []],
    [{ email: '' }, []],
    [{ email }, ['id']]
  ] as const) {
    const thrown = await perform({}, 'users unlock', values, [...words]).catch((error: unknown) => error)
    t.ok(thrown instanceof UsageError, JSON.stringify(values))
  }
})

t.test('users unlock takes no new database for the service’s', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const env = { AUTH_DATA_DIR: join(folder, 'mistyped') }
  t.strictSame(await run(['cli.ts', 'users', 'unlock', '--email', email], { env }), {
    code: 1,
    stdout: '',
    stderr: `There is no database at ${env.AUTH_DATA_DIR}/gatehouse.db\n`
  })
  t.strictSame(await readdir(folder), [])
})
