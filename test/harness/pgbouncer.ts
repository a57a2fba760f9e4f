import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers } from './answers.ts'
import type { Teardown } from './build.ts'
import { type Engine, postgres, postgresUrl } from './engines.ts'
import { freePort } from './port.ts'

/** A PgBouncer in front of the tests' PostgreSQL. `missing` says why it cannot run, or is false. */
export const pgbouncer = {
  missing: postgres.missing || (!answers('pgbouncer') && 'pgbouncer is not installed'),

  /** Starts it with its defaults in this pool mode, and returns the databases behind it. It ends with the test. */
  async start(t: Teardown, mode: 'session' | 'transaction'): Promise<Engine> {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-pgbouncer-'))
    const port = await freePort()
    const { hostname, port: behind, username } = new URL(postgresUrl)
    const users = join(folder, 'users.txt')
    const settings = join(folder, 'pgbouncer.ini')
    await writeFile(users, `"${username}" ""\n`)
    await writeFile(
      settings,
      `[databases]
* = host=${hostname} port=${behind || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = ${mode}
${process.getuid?.() === 0 ? 'user = postgres' : ''}
`
    )
    for (const path of [folder, users, settings]) await chmod(path, 0o755)
    const child = spawn('pgbouncer', [settings])
    t.teardown(async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
      await rm(folder, { recursive: true, force: true })
    })
    let printed = ''
    child.stderr.setEncoding('utf8')
    for await (const part of child.stderr.iterator({ destroyOnReturn: false })) {
      printed += part
      if (printed.includes('process up')) break
    }
    if (!printed.includes('process up')) throw new Error(`pgbouncer ended: ${printed}`)
    child.stderr.resume()
    return {
      ...postgres,
      async create() {
        const { url, remove } = await postgres.create()
        return { url: Object.assign(new URL(url), { port: String(port) }).href, remove }
      }
    }
  }
}
