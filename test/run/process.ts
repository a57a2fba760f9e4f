import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Results, readResults } from './results.ts'

/** Seconds for one test, and milliseconds for a process: far more than any needs, even on a busy machine. */
const TEST_TIMEOUT = 600
const PROCESS_TIMEOUT = 1_200_000

export interface ProcessRun {
  files: Results[]
  /** Its standard error, and its exit code or signal if that is not 0. */
  stderr: string
}

/** Runs test files in one process, one after the other. */
export async function runProcess(paths: string[], env: Record<string, string>): Promise<ProcessRun> {
  const child = spawn(process.execPath, ['test/run/in-turn.ts', ...paths], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PROCESS_TIMEOUT,
    killSignal: 'SIGKILL',
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: String(TEST_TIMEOUT),
      // Many processes load the same files: with the cache, only the first strips and compiles them.
      NODE_COMPILE_CACHE: resolve('.tap/compile-cache'),
      ...env
    }
  })
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal))
  )
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const files = readResults(stdout, paths)
  const last = files.at(-1)
  if (last && code !== 0 && files.every(({ broken }) => broken.length === 0))
    last.broken.push({ fullname: `the process ended with ${code}`, diag: {} })
  return { files, stderr }
}
