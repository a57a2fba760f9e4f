import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { uuidv7 } from '../../domain/id.ts'
import { copyDatabase, removeDatabase, sync } from './backup.ts'
import { type DatabaseFacts, examineDatabase, reading } from './examine.ts'
import { leaveToOwner } from './owner.ts'

const OF_A_DRAFT = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(-\w+)?$/

interface Restoring {
  /** Throws to refuse this backup. */
  admit(facts: DatabaseFacts): void
  /** Changes the restored database, in the file at this path, before it is put in place. */
  prepare(draft: string): Promise<void>
  /** Milliseconds since the epoch, for the name of the replaced database. */
  now: number
}

export interface Restored {
  facts: DatabaseFacts
  /** The path of the replaced database; undefined if there was none. */
  replaced: string | undefined
}

/**
 * Puts the backup `file` in the place of the database at `path`, completely or not at all. No process may have the database
 * open. Keeps the replaced database in the same folder.
 */
export async function restoreDatabase(
  file: string,
  path: string,
  { admit, prepare, now }: Restoring
): Promise<Restored> {
  admit(examineDatabase(file))
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${uuidv7()}`
  try {
    const facts = copyDatabase(file, draft)
    countOn(draft, Math.max(now, lastPositionIn(path)))
    await prepare(draft)
    foldIn(draft)
    const replaced = existsSync(path) ? setAside(path, now) : undefined
    leaveToOwner(draft, replaced ?? dirname(path))
    renameSync(draft, path)
    sync(dirname(path))
    return { facts, replaced }
  } finally {
    removeDatabase(draft)
  }
}

interface Carrying {
  now: number
  /** When the last access token from before the restore expires, in milliseconds since the epoch. */
  expiresAt: number
  /** Whether the sessions in `to` stay alive, even if `from` ended them. */
  keepSessions: boolean
}

/**
 * Copies the revocations of `from` into `to`, and revokes the sessions and clients of `from` in `to`: their access tokens have
 * not expired yet. Returns false if `from` exists but cannot be read.
 */
export function carryRevocations(
  from: string,
  to: string,
  { now, expiresAt, keepSessions }: Carrying
): boolean {
  if (!existsSync(from)) return true
  if (!isReadable(from)) return false
  const kept = keepSessions ? 'select id from sessions' : "select ''"
  const db = new Database(to)
  try {
    db.prepare('attach ? as replaced').run(from)
    db.transaction(() => {
      db.prepare(
        `insert into revocations (kind, id, min_version, expires_at)
         select kind, id, min_version, expires_at from replaced.revocations
         where expires_at > ? and (kind <> 'sid' or id not in (${kept}))`
      ).run(now)
      db.prepare(
        `insert into revocations (kind, id, expires_at)
         select 'sid', id, ? from replaced.sessions where ended_at is null and id not in (${kept})`
      ).run(expiresAt)
      db.prepare(
        `insert into revocations (kind, id, min_version, expires_at)
         select 'client', id, version + 1, ? from replaced.clients where id not in (select id from clients)`
      ).run(expiresAt)
      // A signing key that was revoked since the backup stays revoked.
      db.prepare(
        "delete from signing_keys where kid in (select id from revocations where kind = 'kid')"
      ).run()
    })()
    return true
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
    return false
  } finally {
    db.close()
  }
}

// Verifiers remember the position up to which they have read. New revocations must get higher ones.
function countOn(draft: string, position: number): void {
  const db = new Database(draft)
  try {
    db.transaction(() => {
      const { changes } = db
        .prepare("update sqlite_sequence set seq = max(seq, ?) where name = 'revocations'")
        .run(position)
      if (changes === 0) db.prepare("insert into sqlite_sequence values ('revocations', ?)").run(position)
    })()
  } finally {
    db.close()
  }
}

function lastPositionIn(path: string): number {
  try {
    return reading(path, (db) => {
      const last = db.prepare("select seq from sqlite_sequence where name = 'revocations'").pluck().get()
      return typeof last === 'number' ? last : 0
    })
  } catch {
    return 0
  }
}

/** Removes the drafts of killed restores. Call it only while holding the service's lock. */
export function removeDrafts(path: string): void {
  const prefix = `${basename(path)}.`
  const isDraft = (name: string) => name.startsWith(prefix) && OF_A_DRAFT.test(name.slice(prefix.length))
  for (const name of readdirSync(dirname(path)).filter(isDraft)) rmSync(join(dirname(path), name))
}

// A hard link keeps the old database under its own name until the new one takes it. So there is a database at every moment.
function setAside(path: string, now: number): string {
  const replaced = `${path}.replaced-${new Date(now).toISOString().replaceAll(':', '')}`
  if (isReadable(path)) foldIn(path)
  // An unreadable database is kept together with its log and its index.
  for (const end of ['-wal', '-shm'])
    if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${replaced}${end}`)
  linkSync(path, replaced)
  return replaced
}

// Opens the file read-only, because SQLite removes the log of a file that it takes for no database.
function isReadable(path: string): boolean {
  try {
    return reading(path, (db) => db.prepare('select count(*) from sqlite_schema').get() !== undefined)
  } catch {
    return false
  }
}

// Writes the log into the file. SQLite would otherwise apply it to the next database of this name.
function foldIn(path: string): void {
  const db = new Database(path, { fileMustExist: true })
  try {
    db.pragma('wal_checkpoint(truncate)')
  } finally {
    db.close()
  }
  sync(path)
}
