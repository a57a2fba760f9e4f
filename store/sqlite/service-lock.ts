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
 * Takes the embedded database at this path for one service: SQLite's own lock on a file beside it, which the system lets
 * go with the process, however that ends. Commands do not take it. Throws a Problem `unavailable` where it is taken, or
 * where nothing can be written.
 */
export function claimDatabase(path: string): ServiceLock {
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
    throw new Problem('unavailable', { cause: new Error(reasonOf(error as Error & { code?: string }, path)) })
  }
  const held = lock
  return { release: () => held.close() }
}

// Of a file that may only be read SQLite takes a shared lock for an exclusive one, and says nothing.
function makeLockFile(lock: string, like: string): void {
  const isNew = !existsSync(lock)
  closeSync(openSync(lock, O_CREAT | O_RDWR | O_NOFOLLOW, 0o600))
  if (isNew) leaveToOwner(lock, like)
}

function reasonOf({ code, message }: Error & { code?: string }, path: string): string {
  if (code === 'SQLITE_BUSY') return `${path} is in use by another Gatehouse: several at once need PostgreSQL`
  if (code === undefined) return message
  return `${dirname(path)} cannot be written to: ${message}`
}
