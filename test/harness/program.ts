import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Teardown } from './build.ts'
import { freePort } from './port.ts'

const ROOT = new URL('../..', import.meta.url)
/** Has no `.env`, which the project's folder may have. */
const ELSEWHERE = tmpdir()
const SERVER = ['--import', './check-node.js', 'server.ts']
const START_TIMEOUT = 120_000

/** Turns off load shedding by delay: the machine may be busy with other tests. */
const UNHURRIED = { AUTH_MAX_EVENT_LOOP_DELAY: 'off' }

type Env = Record<string, string | number>

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Env
  input?: string
  /** The path of the Node.js to run. */
  node?: string
  /** The folder to run in. By default, one without a `.env`. */
  cwd?: string | URL
}

/** Runs one of the project's programs to its end, as a user does: `run(['server.ts'], { env })`. */
export async function run(
  args: string[],
  { env = {}, input = '', node = process.execPath, cwd }: RunOptions = {}
): Promise<Ended> {
  const words = cwd ? args : args.map(absolute)
  const child = spawn(node, words, { cwd: cwd ?? ELSEWHERE, env: { ...inherited(), ...texts(env) } })
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (!hasEnded(child)) await once(child, 'exit')
  return { code: child.exitCode, stdout, stderr }
}

/** The service in a separate process. */
export interface Started {
  pid: number
  port: number
  url: string
  /** The line that it logs when it listens. */
  notice: { msg: string; setup?: string; database: string }
  /** Returns the lines on standard output so far. */
  lines(): string[]
  /** Ends the service with SIGINT, as Ctrl+C does, or with another signal. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

/** Starts the service, or Node.js with these arguments, and ends it with the test. */
export async function start(t: Teardown, env: Env, words?: string[]): Promise<Started> {
  const server = await startServer(env, words)
  t.teardown(() => server.stop())
  return server
}

/** Starts the service, on a free port if none is set. Resolves when it logs that it is ready. */
export async function startServer(env: Env, words = SERVER, cwd = ELSEWHERE): Promise<Started> {
  const port = Number(env.PORT ?? (await freePort()))
  const child = spawn(process.execPath, words.map(absolute), {
    cwd,
    env: { ...inherited(), ...UNHURRIED, ...texts(env), PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const lines: string[] = []
  const output = { stderr: '' }
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    output.stderr += part
  })
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const notice = await readNotice(child, reader, output)
  return {
    pid: child.pid as number,
    port,
    url: `http://127.0.0.1:${port}`,
    notice,
    lines: () => [...lines],
    async stop(signal = 'SIGINT') {
      if (!hasEnded(child)) {
        child.kill(signal)
        await once(child, 'close')
      }
      return { code: child.exitCode, stdout: lines.join('\n'), stderr: output.stderr }
    }
  }
}

function readNotice(
  child: ChildProcess,
  reader: NodeJS.EventEmitter,
  output: { stderr: string }
): Promise<Started['notice']> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the server was not ready in time: ${output.stderr}`))
    }, START_TIMEOUT)
    child.on('close', (code) => {
      clearTimeout(timer)
      reject(new Error(`the server ended with ${code}: ${output.stderr}`))
    })
    reader.on('line', (line: string) => {
      if (!line.includes('"ready"')) return
      clearTimeout(timer)
      resolve(JSON.parse(line))
    })
  })
}

/** Returns this process's environment without Gatehouse's settings, which would change what a test sees. */
export function inherited(): NodeJS.ProcessEnv {
  const ours = /^(AUTH_|HOST$|PORT$|LOG_LEVEL$|DATABASE_URL)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}

/** Returns the path of a program of the project, and any other word as it is. */
function absolute(word: string): string {
  return /\.[jt]s$/.test(word) ? resolve(fileURLToPath(ROOT), word) : word
}

function texts(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
