import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import type { Teardown } from '../harness/build.ts'
import { gatehouse } from '../harness/command.ts'
import { newFolder } from '../harness/folder.ts'
import { freePort } from '../harness/port.ts'
import { run, start } from '../harness/program.ts'

t.test('one service a SQLite database', async (t) => {
  const env = settings(await newFolder(t))
  const port = await freePort()
  const first = await start(t, { ...env, PORT: port })

  await t.test('a second one is refused in a line', async (t) => {
    const second = await run(['server.ts'], { env: { ...env, PORT: await freePort() } })
    t.equal(second.code, 1)
    t.equal(second.stdout, '')
    t.equal(
      second.stderr,
      `The database cannot be used: ${env.AUTH_DATA_DIR}/gatehouse.db is in use by another Gatehouse: several at once need PostgreSQL\n`
    )
  })

  await t.test('nor does a link to the file or its folder make another of it', async (t) => {
    const elsewhere = await newFolder(t)
    await symlink(join(env.AUTH_DATA_DIR, 'gatehouse.db'), join(elsewhere, 'gatehouse.db'))
    await symlink(env.AUTH_DATA_DIR, join(elsewhere, 'data'))
    const toBe = join(elsewhere, 'to-be.db')
    await symlink('made-later.db', toBe)
    t.equal(sqlitePathOf(`file:${toBe}`), join(elsewhere, 'made-later.db'))
    for (const AUTH_DATA_DIR of [elsewhere, join(elsewhere, 'data')]) {
      const { code, stderr } = await run(['server.ts'], {
        env: { ...env, AUTH_DATA_DIR, PORT: await freePort() }
      })
      t.match(stderr, /gatehouse\.db is in use by another Gatehouse/)
      t.equal(code, 1)
    }
  })

  await t.test('commands work beside it', async (t) => {
    const { code, stderr } = await gatehouse(['roles', 'set', 'buyer', '--scope', 'orders:read'], env)
    t.equal(stderr, '')
    t.equal(code, 0)
  })

  await t.test('the lock dies with its process, however that ends', async (t) => {
    await first.stop('SIGKILL')
    const next = await start(t, { ...env, PORT: port })
    t.equal((await next.stop()).code, 0)
  })
})

t.test(
  'a data folder that may not be written to is refused in a line',
  { skip: whyNoOtherUser() },
  async (t) => {
    const path = await newFolder(t)
    await chmod(path, 0o755)
    const project = await readableByNobody(t)
    const refused = async (t: Test, env: Record<string, string>) => {
      const { stderr, code } = await asNobody(project, ['server.ts'], {
        ...env,
        PORT: String(await freePort())
      })
      t.equal(code, 1)
      t.match(stderr, /^[^\n]*gatehouse[^\n]*\n$/i)
      return stderr
    }

    await t.test('where it is to be made', async (t) => {
      t.match(await refused(t, settings(join(path, 'data'))), /permission denied.*mkdir/)
    })

    await t.test('where it is another’s', async (t) => {
      const data = join(path, 'other')
      await mkdir(data, { mode: 0o755 })
      t.match(await refused(t, settings(data)), /cannot be written to/)
    })

    await t.test('where the database or its lock alone is another’s', async (t) => {
      for (const [folder, file] of [
        ['mine', 'gatehouse.db'],
        ['mine-too', 'gatehouse.db.lock']
      ] as const) {
        const data = join(path, folder)
        await mkdir(data)
        const server = await start(t, { ...settings(data), PORT: await freePort() })
        await server.stop()
        await chown(data, NOBODY, NOBODY)
        for (const each of await readdir(data)) {
          await chown(join(data, each), each === file ? 0 : NOBODY, NOBODY)
          await chmod(join(data, each), 0o644)
        }
        t.match(await refused(t, settings(data)), /cannot be written to|permission denied/)
      }
    })

    await t.test('where its lock is a link, and whoever made it gets nothing by it', async (t) => {
      const data = join(path, 'linked')
      await mkdir(data)
      await writeFile(join(path, 'of-root'), 'secret', { mode: 0o600 })
      await symlink(join(path, 'of-root'), join(data, 'gatehouse.db.lock'))
      await chown(data, NOBODY, NOBODY)
      const { code, stderr } = await run(['server.ts'], {
        env: { ...settings(data), PORT: await freePort() }
      })
      t.equal(code, 1)
      t.match(stderr, /cannot be written to: ELOOP/)
      t.equal((await stat(join(path, 'of-root'))).uid, 0)
    })

    await t.test('though not after a restore by root', async (t) => {
      const data = join(path, 'restored')
      await mkdir(data)
      await chown(data, NOBODY, NOBODY)
      const env = settings(data)
      const backup = join(path, 'backup.db')
      await gatehouse(['migrate'], settings(join(path, 'elsewhere')))
      await gatehouse(['backup', backup], settings(join(path, 'elsewhere')))
      const { code, stderr } = await gatehouse(['restore', backup], env)
      t.equal(code, 0, stderr)
      for (const file of await readdir(data)) t.equal((await stat(join(data, file))).uid, NOBODY, file)
    })
  }
)

const NOBODY = 65_534
const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

function whyNoOtherUser(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can run a program as another user'
}

/** Returns the project's folder, or a copy of it if another user cannot read it: a clone may be in a private folder. */
async function readableByNobody(t: Teardown): Promise<string> {
  const options = { cwd: '/', uid: NOBODY, gid: NOBODY }
  const isReadable = await promisify(execFile)('test', ['-r', join(PROJECT, 'server.ts')], options).then(
    () => true,
    () => false
  )
  if (isReadable) return PROJECT
  const copy = await newFolder(t)
  await promisify(execFile)('cp', ['-a', `${PROJECT}.`, copy])
  await chmod(copy, 0o755)
  return copy
}

async function asNobody(cwd: string, args: string[], env: Record<string, string>) {
  const options = { cwd, uid: NOBODY, gid: NOBODY, env: { PATH: process.env.PATH, ...env }, timeout: 20_000 }
  try {
    // `npm ci` installs Node.js into the project, too.
    const node = process.execPath.replace(PROJECT, `${cwd}/`)
    const { stderr } = await promisify(execFile)(node, args, options)
    return { code: 0, stderr }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, stderr }
  }
}

function settings(path: string) {
  return { AUTH_DATA_DIR: path, AUTH_MASTER_KEY: randomBytes(48).toString('base64url') }
}
