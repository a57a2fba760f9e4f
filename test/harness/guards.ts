import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually } from '../verifier/tokens.ts'
import { answers } from './answers.ts'
import type { Teardown } from './build.ts'
import { newFolder } from './folder.ts'
import { freePort } from './port.ts'

const FOLDER = fileURLToPath(new URL('../../docs/guards/', import.meta.url))
const START_TIMEOUT = 60_000
const MODULES = ['flask', 'fastapi', 'uvicorn', 'jwt', 'cryptography', 'requests']
const FIND_MODULES = `from importlib.util import find_spec; assert all(map(find_spec, ${JSON.stringify(MODULES)}))`
// Without the network: the guard in Go has only the standard library.
const GO = { GOFLAGS: '-mod=mod', GOPROXY: 'off', GOTOOLCHAIN: 'local' }

export interface Started {
  origin: string
  /** Returns what the service has logged so far. */
  log(): string
}

/** A service of docs/guards/. `missing` says why it cannot run, or is false. */
export interface GuardedService {
  name: 'Flask' | 'FastAPI' | 'Go'
  missing: string | false
  /** Starts the service with these variables, and ends it with the test. */
  start(t: Teardown, env: Record<string, string>): Promise<Started>
}

const candidates = [process.env.PYTHON_PATH, '/usr/bin/python3', 'python3'].filter(
  (path) => path !== undefined
)
const python = candidates.find((path) => answers(path, ['-c', FIND_MODULES])) ?? ''
const noPython = python === '' && `there is no python3 with ${MODULES.join(', ')}: set PYTHON_PATH`

const flask: GuardedService = {
  name: 'Flask',
  missing: noPython,
  start: (t, env) =>
    serve(t, (port) => [python, '-m', 'flask', '--app', 'flask_app', 'run', '--port', port], env)
}

const fastapi: GuardedService = {
  name: 'FastAPI',
  missing: noPython,
  start: (t, env) => serve(t, (port) => [python, '-m', 'uvicorn', 'fastapi_app:app', '--port', port], env)
}

const go: GuardedService = {
  name: 'Go',
  missing: answers('go', ['version']) ? false : 'there is no go',
  async start(t, env) {
    const folder = await newFolder(t)
    const program = join(folder, 'orders')
    const surroundings = { cwd: join(FOLDER, 'go'), env: { ...process.env, ...GO } }
    await promisify(execFile)('go', ['build', '-o', program, '.'], surroundings)
    return serve(t, () => [program], env)
  }
}

export const guardedServices = [flask, fastapi, go] as const

async function serve(
  t: Teardown,
  commandAt: (port: string) => string[],
  env: Record<string, string>
): Promise<Started> {
  const port = String(await freePort())
  const [program = '', ...words] = commandAt(port)
  const child = spawn(program, words, {
    cwd: join(FOLDER, 'python'),
    env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1', ...env, PORT: port },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let logged = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    logged += part
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const origin = `http://127.0.0.1:${port}`
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${logged}`)
    return fetch(origin).then(
      () => true,
      () => false
    )
  }, START_TIMEOUT)
  return { origin, log: () => logged }
}
