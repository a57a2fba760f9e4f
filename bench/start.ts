import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { compare, inRounds, type Result } from './figure.ts'

const ROUNDS = 5
const LIMIT = 2000
const POLL = 5
const GIVE_UP = 20_000

/** Measures the time from `npm start` to the first 200 of /readyz, with packages installed and an empty data directory. */
export async function benchStart(): Promise<Result[]> {
  const rounds = await inRounds(ROUNDS, async () => ({ ours: await timeStart(), peer: LIMIT }))
  return [compare({ name: 'npm start to ready', unit: 'ms', peer: 'limit', target: { atMost: 1 } }, rounds)]
}

async function timeStart(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const port = await freePort()
  const startedAt = performance.now()
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { PATH: process.env.PATH, HOME: process.env.HOME, AUTH_DATA_DIR: folder, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true
  })
  try {
    await untilReady(`http://127.0.0.1:${port}/readyz`, npm)
    return performance.now() - startedAt
  } finally {
    await stop(npm)
    await rm(folder, { recursive: true, force: true })
  }
}

async function untilReady(url: string, npm: ChildProcess): Promise<void> {
  const givesUpAt = performance.now() + GIVE_UP
  while (!(await isReady(url))) {
    if (npm.exitCode !== null || performance.now() > givesUpAt) throw new Error('npm start did not get ready')
    await sleep(POLL)
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { headers: { connection: 'close' } })).ok
  } catch {
    return false
  }
}

// npm has child processes: signal the whole process group.
async function stop(npm: ChildProcess): Promise<void> {
  if (npm.exitCode !== null || npm.pid === undefined) return
  const gone = once(npm, 'exit')
  process.kill(-npm.pid, 'SIGINT')
  await gone
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}
