import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Results, readResults } from './results.ts'

/** Seconds for one test, and milliseconds for a file: far more than any needs, even on a busy machine. */
const TEST_TIMEOUT = 600
const FILE_TIMEOUT = 1_200_000

export interface FileRun extends Results {
  path: string
  seconds: number
  /** Whether the process exited with 0 and no test failed or is `todo`. */
  isWell: boolean
  /** Its standard error, and its exit code or signal if that is not 0. */
  stderr: string
}

/** Runs one test file in a separate process. */
export async function runFile(path: string, env: Record<string, string>): Promise<FileRun> {
  const began = performance.now()
  const child = spawn(process.execPath, [path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FILE_TIMEOUT,
    killSignal: 'SIGKILL',
    env: {
      ...process.env,
      TAP: '1',
      TAP_TIMEOUT: String(TEST_TIMEOUT),
      // Hundreds of processes load the same files: with the cache, only the first strips and compiles them.
      NODE_COMPILE_CACHE: resolve('.tap/compile-cache'),
      ...env
    }
  })
  const ended = new Promise<number | string | null>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? signal))
  )
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const results = readResults(path, stdout)
  return {
    ...results,
    path,
    seconds: (performance.now() - began) / 1000,
    isWell: code === 0 && results.broken.length === 0 && results.tests.every(({ todo }) => !todo),
    stderr: code === 0 ? stderr : `${stderr}${path} ended with ${code}`
  }
}
