import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { uuidv7 } from '../../domain/id.ts'
import { type DatabaseFacts, examineDatabase, reading, refuseForeign } from './examine.ts'

/**
 * Writes a snapshot of the database at `path` to a new file (0600). The file gets its name once it is on disk and checked.
 * Throws an Error if the file exists.
 */
export function backUpDatabase(path: string, file: string): DatabaseFacts {
  if (existsSync(file)) throw new Error(alreadyThere(file))
  if (!existsSync(dirname(file))) throw new Error(`There is no folder ${dirname(file)}`)
  const draft = `${file}.${uuidv7()}`
  try {
    const facts = copyDatabase(path, draft)
    publish(draft, file)
    sync(dirname(file))
    return facts
  } finally {
    removeDatabase(draft)
  }
}

const alreadyThere = (file: string) => `${file} exists already: a backup is written to a new file`

function publish(draft: string, file: string): void {
  try {
    giveName(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(alreadyThere(file), { cause: error })
  }
}

// `link` fails if the name is taken; `rename` would replace the file.
function giveName(draft: string, file: string): void {
  try {
    linkSync(draft, file)
    rmSync(draft)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
    // Without links, an empty file reserves the name first.
    closeSync(openSync(file, 'wx', 0o600))
    renameSync(draft, file)
  }
}

/** Copies a database, even while it is written to, to a new file (0600). Returns once the copy is on disk and checked. */
export function copyDatabase(from: string, to: string): DatabaseFacts {
  closeSync(openSync(to, 'wx', 0o600))
  const { atLeast, atMost } = reading(from, (db) => {
    refuseForeign(db, from)
    const atLeast = countEvents(db)
    // `vacuum into` is one read transaction: it blocks no writer, and no writer restarts it. The copy holds no deleted rows.
    db.prepare('vacuum into ?').run(to)
    return { atLeast, atMost: countEvents(db) }
  })
  sync(to)
  const facts = examineDatabase(to)
  const events = reading(to, countEvents)
  if (events < atLeast || events > atMost) throw new Error(`${to} is not all of ${from}`)
  return facts
}

// Counts the audit events, because rows of other tables come and go.
function countEvents(db: Database.Database): number {
  return db.prepare('select count(*) from audit_events').pluck().get() as number
}

/** Flushes a file, or the names in a folder, to disk. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Removes a database with its log and its index. Does nothing if there is none. */
export function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
}
