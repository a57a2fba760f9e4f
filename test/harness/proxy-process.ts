import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Teardown } from './build.ts'

const START_TIMEOUT = 60_000

/** Resolves when the program listens, and ends it with the test. Throws an Error if it does not start. */
export async function untilListening(t: Teardown, child: ChildProcess, port: number): Promise<void> {
  const output: string[] = []
  child.stdout?.on('data', (part) => output.push(String(part)))
  child.stderr?.on('data', (part) => output.push(String(part)))
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const deadline = performance.now() + START_TIMEOUT
  while (!(await listens(port))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`the proxy did not start: ${output.join('')}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Returns the first of the paths at which there is a file. */
export function firstExisting(...paths: Array<string | undefined>): string | undefined {
  return paths.find((path) => path !== undefined && existsSync(path))
}
