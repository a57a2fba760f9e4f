import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { uuidv7 } from '../../domain/id.ts'
import { type DatabaseFacts, examineDatabase, reading, refuseForeign } from './examine.ts'

/**
 * Writes the database at `path`, as it is at this moment, to a new file (0600). It appears under its name whole, on disk and
 * examined, or not at all. Throws where there is such a file.
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

const alreadyThere = (file: string) => `There is ${file} already: a backup is written to a new file`

function publish(draft: string, file: string): void {
  try {
    giveName(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(alreadyThere(file), { cause: error })
  }
}

// A link takes no name that is taken.
function giveName(draft: string, file: string): void {
  try {
    linkSync(draft, file)
    rmSync(draft)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
    // A file system without links: an empty file takes the name first.
    closeSync(openSync(file, 'wx', 0o600))
    renameSync(draft, file)
  }
}

/** Copies a database, whoever writes to it meanwhile, to a new file (0600): on disk and examined when this returns. */
export function copyDatabase(from: string, to: string): DatabaseFacts {
  closeSync(openSync(to, 'wx', 0o600))
  const { atLeast, atMost } = reading(from, (db) => {
    refuseForeign(db, from)
    const atLeast = countEvents(db)
    // One read transaction: it holds up no writer, and none makes it start again. What was deleted is not in the copy.
    db.prepare('vacuum into ?').run(to)
    return { atLeast, atMost: countEvents(db) }
  })
  sync(to)
  const facts = examineDatabase(to)
  const events = reading(to, countEvents)
  if (events < atLeast || events > atMost) throw new Error(`${to} is not all of ${from}`)
  return facts
}

// Of the tables, the one that only grows.
function countEvents(db: Database.Database): number {
  return db.prepare('select count(*) from audit_events').pluck().get() as number
}

/** Has what was written to a file, or the names in a folder, on disk. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Removes a database and what SQLite keeps beside it; does nothing where there is none. */
export function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
}
