import { closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { Problem } from '../../domain/errors.ts'
import { leaveToOwner } from './owner.ts'
import { refuseOtherThanFile } from './path.ts'

const { O_CREAT, O_RDWR, O_NOFOLLOW } = constants

export interface ServiceLock {
  release(): void
}

/**
 * Locks the embedded database at this path for one service, by SQLite's own lock on a separate file. The operating system
 * releases it when the process ends. The service and `restore` take it, other commands do not. Throws a Problem `unavailable` if another service holds the
 * lock, or if the folder is read-only.
 */
export function lockDatabase(path: string): ServiceLock {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  let lock: Database.Database | undefined
  try {
    refuseOtherThanFile(path)
    makeLockFile(`${path}.lock`, existsSync(path) ? path : dirname(path))
    lock = new Database(`${path}.lock`, { timeout: 0 })
    lock.pragma('journal_mode = memory')
    lock.exec('begin exclusive')
  } catch (error) {
    lock?.close()
    throw new Problem('unavailable', {
      cause: new Error(lockFailure(error as Error & { code?: string }, path))
    })
  }
  const held = lock
  return { release: () => held.close() }
}

// On a read-only file, SQLite silently takes a shared lock instead of an exclusive one. This fails in that case.
function makeLockFile(lock: string, like: string): void {
  const isNew = !existsSync(lock)
  closeSync(openSync(lock, O_CREAT | O_RDWR | O_NOFOLLOW, 0o600))
  if (isNew) leaveToOwner(lock, like)
}

function lockFailure({ code, message }: Error & { code?: string }, path: string): string {
  if (code === 'SQLITE_BUSY') return `${path} is in use by another Gatehouse: several at once need PostgreSQL`
  if (code === undefined) return message
  return `${dirname(path)} cannot be written to: ${message}`
}
