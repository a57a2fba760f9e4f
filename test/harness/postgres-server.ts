import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Teardown } from './build.ts'
import { freePort } from './port.ts'

const PACKAGED = '/usr/lib/postgresql'
const programs = findPrograms()
const owner = findOwner()

/** A PostgreSQL server that only one test uses, and may restart. */
export interface PostgresServer {
  url: string
  /** Restarts the server: `fast` as an operator does, `immediate` as after a crash. Resolves when it answers again. */
  restart(how: 'fast' | 'immediate'): Promise<void>
}

/** Starts servers by PostgreSQL's programs. `missing` says why it cannot, or is false. */
export const postgresServer = {
  missing:
    (programs === undefined && 'there is no initdb') ||
    (owner === undefined && 'PostgreSQL does not run as root, and there is no user postgres'),

  async start(t: Teardown): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-postgres-'))
    if (owner?.uid !== undefined) await chown(folder, owner.uid, owner.gid as number)
    const port = await freePort()
    const data = join(folder, 'data')
    const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1`
    const log = join(folder, 'log')
    const control = (...words: string[]) => run('pg_ctl', ['-D', data, '-l', log, '-w', ...words])
    await run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'])
    await control('-o', options, 'start')
    t.teardown(async () => {
      await control('-m', 'immediate', 'stop')
      await rm(folder, { recursive: true, force: true })
    })
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      restart: (how) => control('-m', how, '-o', options, 'restart')
    }
  }
}

async function run(program: string, words: string[]): Promise<void> {
  await promisify(execFile)(join(programs as string, program), words, { cwd: '/', ...owner })
}

function findPrograms(): string | undefined {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).sort((a, b) => Number(b) - Number(a)) : []
  const folders = versions.map((version) => join(PACKAGED, version, 'bin'))
  return [...folders, ...(process.env.PATH ?? '').split(':')].find((folder) =>
    existsSync(join(folder, 'initdb'))
  )
}

/** Returns the user to run PostgreSQL as: the current one, or postgres if that is root. */
function findOwner(): { uid?: number; gid?: number } | undefined {
  if (process.getuid?.() !== 0) return {}
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'))
  if (!line) return undefined
  const [, , uid, gid] = line.split(':')
  return { uid: Number(uid), gid: Number(gid) }
}
