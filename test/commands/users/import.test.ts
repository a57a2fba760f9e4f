import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { operator } from '../../../commands/operator.ts'
import type { ImportOptions, ImportReport } from '../../../domain/import/report.ts'
import { build, password } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'
import { newFolder } from '../../harness/folder.ts'

/** bcrypt at the least cost. */
const BCRYPT = '$2b$04$okGC35xnEdyv4gLG.SvLwOt.A4h81FYyX6BXAOAQ2N1.0t4hxiLLi'
const OTHER_BCRYPT = '$2b$04$vxciZ0PATGHKJUoGogccWenpDsSSaye/Id9zr1qEJ.S8pHfj7co6G'
const MD5 = 'md5$$9cc2ae8a1ba7a93da39b46fc1019c481'

const PLAIN = { dryRun: false, update: false, withRoles: false, trustVerified: false }

const accountLine = (record: object) => `${JSON.stringify(record)}\n`

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, env } = service
    const root = await service.setUp()
    await perform(env, 'roles set', { scope: 'texts:write' }, ['editor'])
    const folder = await newFolder(t)
    let files = 0

    const commanding = async (content: string | Buffer, values = {}) => {
      files += 1
      const file = join(folder, `${files}.jsonl`)
      await writeFile(file, content)
      const { text, json, exitCode } = await perform(env, 'users import', values, [file])
      return { ...(json as ImportReport), text: text.replace(file, 'FILE'), exitCode }
    }
    // What the command does, without its start.
    const importing = async (content: string, options: Partial<ImportOptions> = {}) => {
      const { report, importLines } = app.accounts.startImport({ ...PLAIN, ...options }, operator)
      await importLines(content.split('\n').flatMap((text, n) => (text ? [{ number: n + 1, text }] : [])))
      return report
    }
    const accountOf = async (email: string) => {
      const user = await app.store.users.findByEmail(email)
      if (!user) throw new Error(`there is no ${email}`)
      return user
    }
    const login = (email: string, secret = password) =>
      service.browser().post('/auth/login', { email, password: secret })
    const eventsOf = async (userId: string) =>
      (await app.store.audit.list({ limit: 10, userId })).map(({ type, actorId, detail }) => ({
        type,
        actorId,
        detail
      }))

    await t.test('an imported account has what its line says, and its owner signs in', async (t) => {
      const { text, exitCode } = await commanding(
        accountLine({
          email: 'Ada@EXAMPLE.com',
          name: 'Ada',
          emailVerified: false,
          disabled: false,
          roles: ['user'],
          createdAt: '2019-05-01T10:00:00+02:00',
          passwordHash: BCRYPT
        })
      )
      t.equal(text, 'FILE: lines: 1; accounts: 1 created, 0 changed, 0 left as they are, 0 refused.')
      t.equal(exitCode, 0)
      const { id, createdAt, ...user } = await accountOf('ada@example.com')
      t.match(user, { name: 'Ada', roles: ['user'], passwordHash: BCRYPT, emailVerified: false })
      t.equal(createdAt, Date.parse('2019-05-01T08:00:00Z'))
      const detail = { roles: [], emailVerified: false, passwordFormat: 'bcrypt' }
      t.strictSame(await eventsOf(id), [{ type: 'user.imported', actorId: 'operator', detail }])
      t.equal((await login('ada@example.com')).status, 200)
      t.match((await accountOf('ada@example.com')).passwordHash, /^\$argon2id\$/)
    })

    await t.test('the same file again changes nothing, and says so', async (t) => {
      const content = accountLine({ email: 'again@example.com', passwordHash: MD5, name: 'A' })
      t.match(await importing(content), { created: 1 })
      const before = await accountOf('again@example.com')
      for (const update of [false, true]) {
        const { text, created, updated, unchanged } = await commanding(content, { update })
        t.match(text, /0 created, 0 changed, 1 left as they are, 0 refused\. Nothing was changed\.$/)
        t.strictSame([created, updated, unchanged], [0, 0, 1])
      }
      t.strictSame(await accountOf('again@example.com'), before)
    })

    await t.test('each refused line is named, and the others are imported', async (t) => {
      const bad = Buffer.from(accountLine({ email: 'byte@example.com', name: 'x?x' }))
      bad[bad.indexOf('?')] = 0xff
      const lines: Array<[line: string | Buffer, reason: string | undefined]> = [
        [`\ufeff{"email":"first@example.com"}\r\n`, undefined],
        ['\n', undefined],
        ['{"email":\n', 'the line is not JSON: it may be cut off'],
        ['[]\n', 'the line is not a JSON object'],
        ['{}\n', 'the field email is missing'],
        [accountLine({ email: 'no address' }), 'email: This is not an e-mail address.'],
        [accountLine({ email: 'FIRST@example.com' }), 'email: it is the address of line 1'],
        [accountLine({ email: 'a@example.com', 'to\u001btal': 1 }), 'there is no field "to\\u001btal"'],
        [accountLine({ email: 'a@example.com', roles: 'x' }), 'roles: it must be array'],
        [
          accountLine({ email: 'a@example.com', createdAt: '2999-01-01T00:00:00Z' }),
          'createdAt: it lies in the future'
        ],
        [
          accountLine({ email: 'a@example.com', passwordHash: '5f4dcc3b' }),
          'passwordHash: it has no known form'
        ],
        [
          accountLine({ email: 'a@example.com', passwordHash: BCRYPT.replace('04', '31') }),
          'passwordHash: its cost is too high: at most 14 for bcrypt'
        ],
        [bad, 'the line is not UTF-8'],
        [
          accountLine({ email: 'a@example.com', name: 'x'.repeat(70_000) }),
          'the line has more than 65536 bytes'
        ],
        [accountLine({ email: 'second@example.com' }), undefined],
        ['{"email":"cut@exam', 'the line is not JSON: it may be cut off']
      ]
      const content = Buffer.concat(lines.map(([line]) => Buffer.from(line)))
      const expected = lines.flatMap(([, reason], n) => (reason ? [{ line: n + 1, reason }] : []))

      const rehearsed = await commanding(content, { 'dry-run': true })
      t.strictSame(rehearsed.refusals, expected)
      t.match(rehearsed.text, /This was a dry run: nothing was written\./)
      t.equal(await app.store.users.findByEmail('first@example.com'), undefined)

      const { refusals, refused, created, exitCode, text } = await commanding(content)
      t.strictSame(refusals, expected)
      t.strictSame([created, refused, exitCode], [2, expected.length, 1])
      t.match(text, '\nLine 4: the line is not a JSON object.\n')
      t.notMatch(text, '$2b$31')
      t.notMatch(text, '5f4dcc3b')
      t.ok(await accountOf('second@example.com'))
    })

    await t.test('roles and verified addresses need their options', async (t) => {
      const content = accountLine({ email: 'eve@example.com', roles: ['editor'], emailVerified: true })
      const { text } = await commanding(content)
      t.match(text, 'Lines with roles, which need --with-roles: 1.')
      t.match(text, 'Lines with a verified address, which need --trust-verified: 1.')
      t.match(await accountOf('eve@example.com'), { roles: ['user'], emailVerified: false })

      const given = { update: true, withRoles: true, trustVerified: true }
      t.match(await importing(content, given), { updated: 1 })
      t.match(await accountOf('eve@example.com'), { roles: ['editor', 'user'], emailVerified: true })
      const fresh = content.replace('eve', 'new')
      t.match(await importing(fresh, given), { created: 1 })
      t.match(await accountOf('new@example.com'), { roles: ['editor', 'user'], emailVerified: true })
    })

    await t.test('a line with an unknown role is refused', async (t) => {
      const content = accountLine({ email: 'un@example.com', roles: ['editor', 'nosuch'] })
      for (const values of [{ dryRun: true }, {}]) {
        const { refusals } = await importing(content, { withRoles: true, ...values })
        t.strictSame(refusals, [{ line: 1, reason: 'There is no role nosuch.' }])
      }
      t.equal(await app.store.users.findByEmail('un@example.com'), undefined)
    })

    await t.test('an account that exists is left as it is without --update', async (t) => {
      await service.signUp('bob@example.com')
      const before = await accountOf('bob@example.com')
      const content = accountLine({ email: 'bob@example.com', name: 'Mallory', passwordHash: BCRYPT })
      t.match(await importing(content), { created: 0, unchanged: 1 })
      t.strictSame(await accountOf('bob@example.com'), before)
    })

    await t.test('--update changes name and state, and never a password that was chosen here', async (t) => {
      const window = await service.signUp('joe@example.com')
      const { id, passwordHash } = await accountOf('joe@example.com')
      const line = { email: 'joe@example.com', name: 'Joe', disabled: true, passwordHash: BCRYPT }
      t.match(await importing(accountLine(line), { update: true, dryRun: true }), { updated: 1 })
      t.match(await accountOf('joe@example.com'), { name: null, disabled: false })

      t.match(await importing(accountLine(line), { update: true }), { updated: 1, unchanged: 0 })
      t.match(await accountOf('joe@example.com'), { name: 'Joe', disabled: true, passwordHash })
      const types = (await eventsOf(id)).map(({ type }) => type)
      t.strictSame(types.slice(0, 2), ['user.disabled', 'user.renamed'])
      await app.revocations.poll()
      t.equal((await window.get('/auth/me')).status, 401, 'its sessions ended')
    })

    await t.test(
      '--update takes a newer hash for an account whose owner has not signed in yet',
      async (t) => {
        const email = 'late@example.com'
        await importing(accountLine({ email, passwordHash: BCRYPT }))
        t.match(await importing(accountLine({ email, passwordHash: OTHER_BCRYPT })), { unchanged: 1 })
        const line = accountLine({ email, passwordHash: OTHER_BCRYPT })
        t.match(await importing(line, { update: true }), { updated: 1 })
        const { id, passwordHash } = await accountOf(email)
        t.equal(passwordHash, OTHER_BCRYPT)
        t.match((await eventsOf(id))[0], {
          type: 'user.password_imported',
          detail: { passwordFormat: 'bcrypt' }
        })
      }
    )

    await t.test('an account that a stranger may have registered gets no rights', async (t) => {
      const email = 'boss@example.com'
      await service.signUp(email)
      const given = { update: true, withRoles: true, trustVerified: true }
      for (const rights of [{ roles: ['editor'] }, { emailVerified: true }]) {
        const { refusals } = await importing(accountLine({ email, ...rights }), given)
        t.match(refusals, [{ line: 1, reason: /^a stranger may have registered this account/ }])
      }
      t.match(await accountOf(email), { roles: ['user'], emailVerified: false })
    })

    await t.test('the last administrator stays', async (t) => {
      const content = accountLine({ email: 'root@example.com', disabled: true })
      const { refusals } = await importing(content, { update: true })
      t.equal(refusals.length, 1)
      t.equal((await root.get('/admin/users')).status, 200)
    })

    await t.test('two imports of one file at once create each account once', async (t) => {
      const lines = Array.from({ length: 1000 }, (_, n) => ({
        number: n + 1,
        text: accountLine({ email: `twice${n}@example.com` })
      }))
      const [one, other] = await Promise.all(
        [0, 1].map(async () => {
          const { importLines, report } = app.accounts.startImport(PLAIN, operator)
          for (let at = 0; at < 1000; at += 100) await importLines(lines.slice(at, at + 100))
          return report
        })
      )
      t.equal((one?.created ?? 0) + (other?.created ?? 0), 1000)
      t.equal((one?.unchanged ?? 0) + (other?.unchanged ?? 0), 1000)
    })

    await t.test('an import that was interrupted goes on when it is repeated', async (t) => {
      const lines = Array.from({ length: 300 }, (_, n) => accountLine({ email: `halfway${n}@example.com` }))
      t.match(await importing(lines.slice(0, 200).join('')), { created: 200 })
      t.match(await importing(lines.join('')), { created: 100, unchanged: 200, refused: 0 })
    })

    await t.test('2,000 lines are imported in batches, and one bad byte refuses one', async (t) => {
      const lines = Array.from({ length: 2000 }, (_, n) =>
        accountLine({ email: `many${n}@example.com`, name: `User ${n}`, passwordHash: BCRYPT })
      )
      const content = Buffer.from(lines.join(''))
      content[content.indexOf('User 1500')] = 0xc3
      const { created, refusals } = await commanding(content)
      t.equal(created, 1999)
      t.strictSame(refusals, [{ line: 1501, reason: 'the line is not UTF-8' }])
    })
  })
}

t.test('without a file, with a missing one or with a folder, the command says what it needs', async (t) => {
  const env = { AUTH_DATA_DIR: await newFolder(t) }
  await t.rejects(perform(env, 'users import'), { message: /FILE is needed/ })
  await t.rejects(perform(env, 'users import', {}, ['nosuch.jsonl']), {
    message: 'There is no file nosuch.jsonl'
  })
  await t.rejects(perform(env, 'users import', {}, [env.AUTH_DATA_DIR]), { message: /is a folder$/ })
})
