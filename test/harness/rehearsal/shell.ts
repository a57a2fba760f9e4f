import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const PACKAGED = '/usr/lib/postgresql'

/** Runs a program of this machine to its end; rejects with what it said where it fails. */
export async function sh(program: string, words: string[], input?: string): Promise<string> {
  const running = promisify(execFile)(program, words, { maxBuffer: 64 * 1024 * 1024 })
  // A program that reads nothing may be gone by now; how it ended is what counts.
  running.child.stdin?.on('error', () => {}).end(input ?? '')
  const { stdout } = await running
  return stdout
}

/** The folders of programs, as a container sees them. Debian keeps PostgreSQL's apart. */
export function searchPath(): string[] {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).sort((a, b) => Number(b) - Number(a)) : []
  const postgres = versions.slice(0, 1).map((version) => join(PACKAGED, version, 'bin'))
  return ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', ...postgres]
}

function has(program: string): boolean {
  return searchPath().some((folder) => existsSync(join(folder, program)))
}

/** Why containers cannot be played here, or false. */
export function whyNoContainers(programs: string[]): string | false {
  if (process.platform !== 'linux') return 'containers are played by namespaces of Linux'
  if (process.getuid?.() !== 0) return 'only root may make namespaces'
  const missing = ['unshare', 'nsenter', 'setpriv', 'ip', 'mount', 'chroot', ...programs].filter(
    (name) => !has(name)
  )
  if (missing.length > 0) return `there is no ${missing.join(', no ')}`
  try {
    execFileSync('unshare', ['--mount', '--net', '--pid', '--fork', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
      stdio: 'ignore'
    })
    return false
  } catch {
    return 'namespaces, or mounts in them, are not permitted here'
  }
}
