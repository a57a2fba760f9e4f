import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { password } from '../test/harness/build.ts'
import { startServer } from '../test/harness/program.ts'
import { compare, type Result } from './figure.ts'

const SETTLED_AFTER = 3000
const SECONDS = 10
const LOGINS = 200
const HASH_MIB = 19
const IDLE_LIMIT = 256

/** Measures an instance's memory: idle, and while 200 users sign in at the same time, again and again. */
export async function benchMemory(): Promise<Result[]> {
  if (platform() !== 'linux') return [{ name: 'memory', skipped: 'it is read from /proc' }]
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const server = await startServer({
    AUTH_DATA_DIR: folder,
    AUTH_MASTER_KEY: randomBytes(48).toString('base64url'),
    LOG_LEVEL: 'warn',
    AUTH_RATE_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_IP: '0',
    AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0'
  })
  try {
    await post(`${server.url}/auth/register`)
    await sleep(SETTLED_AFTER)
    const idle = await memoryOf(server.pid, 'VmRSS')
    const { answered, shed } = await signInAtOnce(server.url)
    const peak = await memoryOf(server.pid, 'VmHWM')
    await sleep(SETTLED_AFTER)
    const after = await memoryOf(server.pid, 'VmRSS')
    return [
      compare({ name: 'memory, idle', unit: 'MiB', peer: 'limit', target: { atMost: 1 } }, [
        { ours: idle, peer: IDLE_LIMIT }
      ]),
      compare(
        {
          name: `memory, ${LOGINS} logins at once`,
          unit: 'MiB',
          peer: `for ${LOGINS} hashes at once, unbounded`,
          target: { atMost: 0.15 },
          note: `peak; ${Math.round(after)} MiB after it; ${answered} signed in, ${shed} shed with 503`
        },
        [{ ours: peak, peer: LOGINS * HASH_MIB }]
      )
    ]
  } finally {
    await server.stop('SIGINT')
    await rm(folder, { recursive: true, force: true })
  }
}

async function signInAtOnce(url: string): Promise<{ answered: number; shed: number }> {
  const until = performance.now() + SECONDS * 1000
  const counts = { answered: 0, shed: 0 }
  const person = async () => {
    while (performance.now() < until) {
      const status = await post(`${url}/auth/login`)
      if (status === 200) counts.answered += 1
      else if (status === 503) counts.shed += 1
      else throw new Error(`a login answered ${status}`)
      if (status === 503) await sleep(100)
    }
  }
  await Promise.all(Array.from({ length: LOGINS }, person))
  return counts
}

async function post(url: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com', password })
  })
  await response.arrayBuffer()
  return response.status
}

/** Returns MiB: `VmRSS` is the current memory, `VmHWM` the peak. */
async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kib = Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm'))?.[1])
  return kib / 1024
}
