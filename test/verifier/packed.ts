import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Teardown } from '../harness/build.ts'
import { newFolder } from '../harness/folder.ts'
import { eventually } from './tokens.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_TIMEOUT = 20_000
const exec = promisify(execFile)
/** What npm says where it is not the package's fault that it cannot be had. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ENETUNREACH|E5\d\d|network/

export interface Packed {
  /** Path of the tarball. */
  tarball: string
  /** Paths in it. */
  files: string[]
}

/** Packs the verifier into a folder, as its README says, from a copy that was never built before. */
export async function packVerifier(t: Teardown, destination: string): Promise<Packed> {
  const copy = await newFolder(t)
  for (const file of ['package.json', 'tsconfig.json', 'verifier']) {
    const filter = (path: string) => basename(path) !== 'dist' && basename(path) !== 'node_modules'
    await cp(join(ROOT, file), join(copy, file), { recursive: true, filter })
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const args = ['pack', '-w', 'verifier', '--pack-destination', destination, '--json']
  const { stdout } = await exec('npm', args, { cwd: copy })
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; files: Array<{ path: string }> }
  ]
  return { tarball: join(destination, packed.filename), files: packed.files.map(({ path }) => path) }
}

/** Runs `npm install` or `npm ci` in a folder. Returns why that cannot be done here: npm's registry may be out of reach. */
export async function install(folder: string, words: string[]): Promise<string | false> {
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=0', '--fetch-timeout=30000']
  try {
    await exec('npm', [...words, ...quiet], { cwd: folder })
    return false
  } catch (error) {
    const { stderr } = error as { stderr: string }
    const [reason] = UNREACHABLE.exec(stderr) ?? []
    if (reason === undefined) throw error
    return `the registry of npm cannot be reached (${reason})`
  }
}

/** Runs a folder's `npm start` until the test is over; resolves when something answers at the address. */
export async function npmStart(
  t: Teardown,
  folder: string,
  env: Record<string, string>,
  address: string
): Promise<void> {
  // npm has children of its own: the whole group is told to end.
  const npm = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: 'ignore',
    detached: true
  })
  const exited = once(npm, 'exit')
  t.teardown(async () => {
    if (npm.exitCode === null && npm.pid !== undefined) process.kill(-npm.pid, 'SIGTERM')
    await exited
  })
  await eventually(async () => {
    if (npm.exitCode !== null) throw new Error(`npm start ended with ${npm.exitCode}`)
    return fetch(address).then(
      () => true,
      () => false
    )
  }, START_TIMEOUT)
}
