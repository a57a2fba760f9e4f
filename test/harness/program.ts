import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Teardown } from './build.ts'
import { UNHURRIED } from './process.ts'

const ROOT = new URL('../..', import.meta.url)

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  input?: string
  /** The Node to run by. */
  node?: string
  /** The folder to run in, where it is not the project's. */
  cwd?: string
}

/** Runs one of the project's programs to its end, as a user does: `run(['server.ts'], { env })`. */
export async function run(
  args: string[],
  { env = {}, input = '', node = process.execPath, cwd }: RunOptions = {}
): Promise<Ended> {
  const child = spawn(node, args, { cwd: cwd ?? ROOT, env: { ...inherited(), ...env } })
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { code: child.exitCode, stdout, stderr }
}

export interface Started {
  /** Everything on standard output so far, line by line. */
  lines(): string[]
  /** Ends it as Ctrl+C does, or by another signal. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

/** Starts the real service, or what these words say; resolves once it says that it is ready. */
export async function start(
  t: Teardown,
  env: Record<string, string>,
  words = ['server.ts']
): Promise<Started> {
  const child = spawn(process.execPath, words, {
    cwd: ROOT,
    env: { ...inherited(), ...UNHURRIED, ...env }
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output.stdout += part
  })
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    output.stderr += part
  })
  const stop = (signal: NodeJS.Signals = 'SIGINT') => end(child, output, signal)
  t.teardown(() => stop())
  await waitFor(child, () => output.stdout.includes('"ready"'), output)
  return { lines: () => output.stdout.split('\n').filter((line) => line !== ''), stop }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return String(port)
}

// What this machine sets of our own settings is not the test's business.
function inherited(): NodeJS.ProcessEnv {
  const ours = /^(AUTH_|HOST$|PORT$|LOG_LEVEL$|DATABASE_URL)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)))
}

async function waitFor(
  child: ChildProcess,
  holds: () => boolean,
  output: Omit<Ended, 'code'>
): Promise<void> {
  while (!holds()) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output.stderr}`)
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')])
  }
}

async function end(child: ChildProcess, output: Omit<Ended, 'code'>, signal: NodeJS.Signals): Promise<Ended> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await once(child, 'close')
  }
  return { code: child.exitCode, ...output }
}
