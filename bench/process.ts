import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

type Jobs = Record<string, (...args: never[]) => unknown>
type Reply = { result: unknown } | { error: string }

/** A script of this folder in a separate process, which does one job at a time. */
export class Remote<J extends Jobs> {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  async call<K extends keyof J & string>(
    job: K,
    ...args: Parameters<J[K]>
  ): Promise<Awaited<ReturnType<J[K]>>> {
    this.#child.send({ job, args })
    const reply = await nextReply(this.#child)
    if ('error' in reply) throw new Error(`${job}: ${reply.error}`)
    return reply.result as Awaited<ReturnType<J[K]>>
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.disconnect()
    await gone
  }
}

export interface RemoteOptions {
  env?: Record<string, string>
  /** A program that runs Node.js, such as a tracer, with its arguments. */
  under?: string[]
}

/** Starts the script, and waits until it can do jobs. Its environment is PATH and `env`, without other settings of this shell. */
export async function startRemote<J extends Jobs>(
  script: string,
  { env = {}, under = [] }: RemoteOptions = {}
): Promise<Remote<J>> {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const [command = '', ...args] = [...under, process.execPath, path]
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc']
  })
  await nextReply(child)
  return new Remote<J>(child)
}

/** Serves jobs in the child process, and exits with the parent process. */
export function serve(jobs: Jobs): void {
  process.on('message', async ({ job, args }: { job: string; args: never[] }) => {
    try {
      reply({ result: await jobs[job]?.(...args) })
    } catch (error) {
      reply({ error: (error as Error).stack ?? String(error) })
    }
  })
  process.on('disconnect', () => process.exit())
  reply({ result: 'ready' })
}

function reply(message: Reply): void {
  process.send?.(message)
}

function nextReply(child: ChildProcess): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) =>
      reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`))
    child.once('exit', onExit)
    child.once('error', reject)
    child.once('message', (message) => {
      child.off('exit', onExit)
      child.off('error', reject)
      resolve(message as Reply)
    })
  })
}
