import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { password } from '../harness/build.ts'
import { startServer } from '../harness/program.ts'

const WRITES = 30
const JSON_TYPE = { 'content-type': 'application/json' }

const missing = await whyStraceIsMissing()

t.test('on SQLite every acknowledged write has been synced to disk', { skip: missing }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  const server = await startServer({
    AUTH_DATA_DIR: folder,
    LOG_LEVEL: 'silent',
    AUTH_LOGIN_LIMIT_PER_IP: '0'
  })
  t.teardown(async () => {
    await server.stop('SIGINT')
    await rm(folder, { recursive: true, force: true })
  })
  const registered = await fetch(`${server.url}/auth/register`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify({ email: 'ada@example.com', password })
  })
  t.equal(registered.status, 201)

  const refreshes = await syncsDuring(server.pid, folder, async () => {
    let cookie = cookiesOf(registered)
    for (let write = 0; write < WRITES; write += 1) {
      const refreshed = await fetch(`${server.url}/auth/refresh`, {
        method: 'POST',
        headers: { cookie, 'sec-fetch-site': 'same-origin' }
      })
      t.equal(refreshed.status, 200)
      cookie = cookiesOf(refreshed)
    }
  })
  t.comment(`${refreshes} syncs for ${WRITES} refreshes one after another`)
  t.ok(refreshes >= WRITES, 'at least one sync a refresh')

  const reads = await syncsDuring(server.pid, folder, async () => {
    for (let read = 0; read < WRITES; read += 1) await fetch(`${server.url}/readyz`)
  })
  t.comment(`${reads} syncs for ${WRITES} reads`)
  t.ok(reads < WRITES, 'what is counted are the writes’ syncs, not those of something else')
})

/** How many fsync and fdatasync calls of that process came back well while the work ran. */
async function syncsDuring(pid: number, folder: string, work: () => Promise<void>): Promise<number> {
  const log = join(folder, `strace-${Date.now()}.log`)
  const strace = spawn('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-o', log, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const ended = once(strace, 'exit')
  await attached(strace.stderr)
  await work()
  strace.kill('SIGINT')
  await ended
  const lines = (await readFile(log, 'utf8')).split('\n')
  return lines.filter((line) => /f(data)?sync.*= 0$/.test(line)).length
}

// Strace says that it is attached once it watches every thread of the server.
async function attached(stderr: NodeJS.ReadableStream): Promise<void> {
  for await (const chunk of stderr) if (String(chunk).includes('attached')) return
}

async function whyStraceIsMissing(): Promise<string | false> {
  const probe = spawn('strace', ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
  const code = await Promise.race([
    once(probe, 'exit').then(([exit]) => exit),
    once(probe, 'error').then(() => 'missing')
  ])
  return code === 0 ? false : 'strace is not installed or not allowed here'
}

function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ')
}
