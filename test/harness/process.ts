import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_TIMEOUT = 60_000

/** The machine may be busy with other tests: no request is refused for that. */
export const UNHURRIED = { AUTH_MAX_EVENT_LOOP_DELAY: 'off' }

/** The real server in a process of its own. */
interface ServerProcess {
  pid: number
  url: string
  /** The line that it printed once it listened. */
  notice: { msg: string; setup?: string; database: string }
  /** Ends it and resolves when it is gone. */
  stop(signal: NodeJS.Signals): Promise<void>
}

/** Starts `server.ts` with these settings on a port of its own, and resolves when it says that it is ready. */
export async function startServer(env: Record<string, string>): Promise<ServerProcess> {
  const port = await freePort()
  const child = spawn(process.execPath, ['--import', './check-node.js', 'server.ts'], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? '', ...compileCache(), ...UNHURRIED, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(child, 'exit')
  const notice = await readNotice(child)
  return {
    pid: child.pid as number,
    url: `http://127.0.0.1:${port}`,
    notice,
    async stop(signal) {
      child.kill(signal)
      await exited
    }
  }
}

// After the notice the output is read on and dropped: a full pipe would stop the server.
function readNotice(child: ChildProcess): Promise<ServerProcess['notice']> {
  const { stdout, stderr } = child as ChildProcess & {
    stdout: NodeJS.ReadableStream
    stderr: NodeJS.ReadableStream
  }
  const errors: string[] = []
  stderr.on('data', (chunk) => errors.push(String(chunk)))
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`the server was not ready in time: ${errors.join('')}`))
    }, START_TIMEOUT)
    child.on('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`the server ended with ${code}: ${errors.join('')}`))
    })
    createInterface({ input: stdout }).on('line', (line) => {
      const entry = JSON.parse(line)
      if (entry.msg !== 'ready') return
      clearTimeout(timer)
      resolve(entry)
    })
  })
}

/** The setting by which a process finds what others have compiled, where there is one. */
export function compileCache(): Record<string, string> {
  const { NODE_COMPILE_CACHE } = process.env
  return NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {}
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
