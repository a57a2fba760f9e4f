import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers } from './answers.ts'
import type { Teardown } from './build.ts'
import { newFolder } from './folder.ts'
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
    const folder = await newFolder(t)
    const port = await freePort()
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...options]
    let running = await launch(words)
    t.teardown(() => end(running, 'SIGKILL'))
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
  },

  /** Starts a Sentinel that watches this server under the name `main`, and returns its port. It ends with the test. */
  async watch(t: Teardown, primary: ValkeyServer, password: string, own: string): Promise<number> {
    const folder = await newFolder(t)
    const port = await freePort()
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `requirepass "${own}"`,
      `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
      `sentinel auth-pass main "${password}"`,
      'sentinel down-after-milliseconds main 500'
    ]
    const file = join(folder, 'sentinel.conf')
    await writeFile(file, lines.join('\n'))
    const running = await launch([file, '--sentinel', '--dir', folder], '+monitor master main')
    t.teardown(() => end(running, 'SIGKILL'))
    return port
  }
}

// Keeps reading the output after the start: a full pipe would block the server.
async function launch(
  words: string[],
  ready = 'Ready to accept connections'
): Promise<ChildProcessWithoutNullStreams> {
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
  while (!printed.includes(ready)) {
    await Promise.race([once(child.stdout, 'data'), failed])
  }
  return child
}

async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
