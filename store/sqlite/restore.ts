import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { uuidv7 } from '../../domain/id.ts'
import { copyDatabase, removeDatabase, sync } from './backup.ts'
import { type DatabaseFacts, examineDatabase, reading } from './examine.ts'
import { leaveToOwner } from './owner.ts'

const OF_A_DRAFT = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}(-\w+)?$/

interface Restoring {
  /** Throws where this backup is not to be put in place. */
  admit(facts: DatabaseFacts): void
  /** Changes what is to be so from the first moment on, in the file at this path. */
  prepare(draft: string): Promise<void>
  /** Names what was there before: milliseconds. */
  now: number
}

export interface Restored {
  facts: DatabaseFacts
  /** What was there before, where there was anything. */
  replaced: string | undefined
}

/**
 * Puts the backup `file` in the place of the database at `path`, which nobody may have open: whole or not at all. The
 * database that was there is kept beside it.
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
  /** When the last access token of before is dead. */
  expiresAt: number
  /** Sessions that `to` has live on, whatever `from` says of them. */
  keepSessions: boolean
}

/**
 * Has what `from` revoked, and the sessions and clients that it has, revoked in `to`, too: their access tokens are still about.
 * False where `from` is there and could not be read.
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
      // A signing key that was revoked since the backup does not come back by it.
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

// Who follows the revocations knows them by position: none that is given out again may be one they have passed.
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

/** Removes what restores that were killed left beside the database. For whoever has the service's lock. */
export function removeDrafts(path: string): void {
  const prefix = `${basename(path)}.`
  const isDraft = (name: string) => name.startsWith(prefix) && OF_A_DRAFT.test(name.slice(prefix.length))
  for (const name of readdirSync(dirname(path)).filter(isDraft)) rmSync(join(dirname(path), name))
}

// A link keeps the old one under its own name, too, until the new one takes it: there is a database at every moment.
function setAside(path: string, now: number): string {
  const replaced = `${path}.replaced-${new Date(now).toISOString().replaceAll(':', '')}`
  if (isReadable(path)) foldIn(path)
  // What cannot be read is kept as it is, all its parts together.
  for (const end of ['-wal', '-shm'])
    if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${replaced}${end}`)
  linkSync(path, replaced)
  return replaced
}

// Asked without the right to write: SQLite removes the log of what it takes for no database.
function isReadable(path: string): boolean {
  try {
    return reading(path, (db) => db.prepare('select count(*) from sqlite_schema').get() !== undefined)
  } catch {
    return false
  }
}

// The last one to close a database writes its log into the file itself and removes it: none may meet another database.
function foldIn(path: string): void {
  const db = new Database(path, { fileMustExist: true })
  try {
    db.pragma('wal_checkpoint(truncate)')
  } finally {
    db.close()
  }
  sync(path)
}
