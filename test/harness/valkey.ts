import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers } from './answers.ts'
import type { Teardown } from './build.ts'
import { freePort } from './port.ts'

const program = ['valkey-server', 'redis-server'].find((name) => answers(name))

/** A Valkey or Redis on its own port that only one test uses, and may break. It stores nothing on disk. */
export interface ValkeyServer {
  port: number
  url: string
  /** Starts the server again, empty, on the same port. */
  start(): Promise<void>
  /** Ends the server with SIGTERM, as a supervisor does. */
  stop(): Promise<void>
  /** Ends the server with SIGKILL, as a power cut would. */
  kill(): Promise<void>
  /** Makes the server hang: connections stay open, but it answers nothing. */
  pause(): void
  resume(): void
}

/** Starts Valkey, or Redis if only that is installed. `missing` says why it cannot, or is false. */
export const valkey = {
  missing: program === undefined && 'neither valkey-server nor redis-server is installed',

  /** Starts an empty server with additional options, such as `['--requirepass', 'secret']`. It ends with the test. */
  async start(t: Teardown, options: string[] = []): Promise<ValkeyServer> {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-valkey-'))
    const port = await freePort()
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...options]
    let running = await launch(words)
    t.teardown(async () => {
      await end(running, 'SIGKILL')
      await rm(folder, { recursive: true, force: true })
    })
    return {
      port,
      url: `redis://127.0.0.1:${port}`,
      start: async () => {
        running = await launch(words)
      },
      stop: () => end(running, 'SIGTERM'),
      kill: () => end(running, 'SIGKILL'),
      pause: () => void running.kill('SIGSTOP'),
      resume: () => void running.kill('SIGCONT')
    }
  }
}

// Keeps reading the output after the start: a full pipe would block the server.
async function launch(words: string[]): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(program as string, words)
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    printed += part
  })
  child.stderr.resume()
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${program} ended with ${code}: ${printed}`)
  })
  failed.catch(() => {})
  while (!printed.includes('Ready to accept connections')) {
    await Promise.race([once(child.stdout, 'data'), failed])
  }
  return child
}

async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
