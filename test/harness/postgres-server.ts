import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Teardown } from './build.ts'
import type { Certificate } from './certificate.ts'
import { freePort } from './port.ts'

const PACKAGED = '/usr/lib/postgresql'
const programs = findPrograms()
const owner = findOwner()

/** A PostgreSQL server that only one test uses, and may restart. */
export interface PostgresServer {
  url: string
  /** Its address, for a list of servers: `127.0.0.1:PORT`. */
  host: string
  /** Restarts the server: `fast` as an operator does, `immediate` as after a crash. Resolves when it answers again. */
  restart(how: 'fast' | 'immediate'): Promise<void>
  stop(): Promise<void>
  /** Starts a standby, which only reads, and follows this server. */
  startStandby(): Promise<PostgresServer>
  /** Makes a standby the primary. */
  promote(): Promise<void>
}

interface Settings {
  /** Connections over TCP then need TLS. */
  certificate?: Certificate
}

/** Starts servers by PostgreSQL's programs. `missing` says why it cannot, or is false. */
export const postgresServer = {
  missing:
    (programs === undefined && 'there is no initdb') ||
    (owner === undefined && 'PostgreSQL does not run as root, and there is no user postgres'),

  async start(t: Teardown, { certificate }: Settings = {}): Promise<PostgresServer> {
    const folder = await newPostgresFolder(t)
    const data = join(folder, 'data')
    await run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'])
    const options = certificate ? await speakTls(folder, certificate) : ''
    return serve(t, folder, options)
  }
}

async function newPostgresFolder(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-postgres-'))
  await leaveToOwner(folder)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function leaveToOwner(path: string): Promise<void> {
  if (owner?.uid !== undefined) await chown(path, owner.uid, owner.gid as number)
}

// Without TLS, this server refuses every connection over TCP.
async function speakTls(folder: string, { cert, key }: Certificate): Promise<string> {
  const texts = { cert, key, hba: 'hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n' }
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), 0o600)
    await leaveToOwner(join(folder, name))
  }
  return `-c ssl=on -c ssl_cert_file=${folder}/cert -c ssl_key_file=${folder}/key -c hba_file=${folder}/hba`
}

async function serve(t: Teardown, folder: string, more: string): Promise<PostgresServer> {
  const port = await freePort()
  const options = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 ${more}`
  const control = (...words: string[]) =>
    run('pg_ctl', ['-D', join(folder, 'data'), '-l', join(folder, 'log'), '-w', ...words])
  const stop = () => control('-m', 'immediate', 'stop')
  await control('-o', options, 'start')
  t.teardown(() => stop().catch(() => {}))
  const host = `127.0.0.1:${port}`
  return {
    url: `postgres://postgres@${host}/postgres`,
    host,
    restart: (how) => control('-m', how, '-o', options, 'restart'),
    stop,
    promote: () => control('promote'),
    async startStandby() {
      const standby = await newPostgresFolder(t)
      const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres']
      await run('pg_basebackup', [...from, '-D', join(standby, 'data'), '-R', '-c', 'fast', '--no-sync'])
      return serve(t, standby, '')
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
