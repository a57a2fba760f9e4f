import { existsSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import { compareMigrations, newerVersionText } from '../migrate.ts'
import { EARLIER_HISTORY, HISTORY } from '../migration-history.ts'
import { refuseOtherThanFile } from './path.ts'

const TABLES = ['users', 'signing_keys', 'audit_events']
const READ_TIMEOUT = 3000

/** The size and the content of a database that passed all checks. */
export interface DatabaseFacts {
  bytes: number
  users: number
  signingKeys: Array<Pick<SigningKey, 'kid' | 'algorithm' | 'publicPem' | 'sealedPrivateKey'>>
}

/** Checks a database file. Throws an Error if it is not Gatehouse's, is damaged, or is of a newer version. */
export function examineDatabase(path: string): DatabaseFacts {
  return reading(path, (db) => {
    refuseForeign(db, path)
    refuseNewer(db, path)
    refuseDamaged(db, path)
    return {
      bytes: statSync(path).size,
      users: db.prepare('select count(*) from users').pluck().get() as number,
      signingKeys: db
        .prepare(
          `select kid, algorithm, public_pem as publicPem, sealed_private_key as sealedPrivateKey
           from signing_keys order by kid`
        )
        .all() as DatabaseFacts['signingKeys']
    }
  })
}

/** Throws an Error if the database lacks a table of Gatehouse. */
export function refuseForeign(db: Database.Database, path: string): void {
  const tables = tablesIn(db)
  const isOurs = [...TABLES, historyIn(tables)].every((name) => tables.includes(name))
  if (!isOurs) throw new Error(notOurs(path))
}

function tablesIn(db: Database.Database): string[] {
  return db.prepare("select name from sqlite_schema where type = 'table'").pluck().all() as string[]
}

// A backup of an earlier version has the earlier name.
function historyIn(tables: string[]): string {
  return tables.includes(HISTORY.table) ? HISTORY.table : EARLIER_HISTORY.table
}

function refuseNewer(db: Database.Database, path: string): void {
  const history = historyIn(tablesIn(db))
  const executed = db.prepare(`select name from ${history}`).pluck().all() as string[]
  const { unknown } = compareMigrations(executed, 'sqlite')
  if (unknown.length > 0) throw new Error(`${path} cannot be used: ${newerVersionText(unknown)}`)
}

function refuseDamaged(db: Database.Database, path: string): void {
  const isWhole = db.pragma('integrity_check', { simple: true }) === 'ok'
  const dangling = db.pragma('foreign_key_check') as unknown[]
  if (!isWhole || dangling.length > 0) throw new Error(damaged(path))
}

/** Opens the file read-only for `work`. Throws an Error with a sentence for each error code of SQLite. */
export function reading<T>(path: string, work: (db: Database.Database) => T): T {
  if (!existsSync(path)) throw new Error(`There is no ${path}`)
  refuseOtherThanFile(path)
  let db: Database.Database | undefined
  try {
    db = new Database(path, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT })
    return work(db)
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string }
    if (code === 'SQLITE_FULL') throw new Error(`The disk is full: there is no room for a copy of ${path}`)
    if (code === 'SQLITE_NOTADB') throw new Error(notOurs(path))
    if (code.startsWith('SQLITE_CORRUPT')) throw new Error(damaged(path))
    throw code.startsWith('SQLITE_') ? new Error(`${path} cannot be read: ${message}`) : error
  } finally {
    db?.close()
  }
}

const notOurs = (path: string) => `${path} is not a database of Gatehouse`
const damaged = (path: string) => `${path} is damaged`
