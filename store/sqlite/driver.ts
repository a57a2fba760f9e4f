import Database from 'better-sqlite3'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SelectQueryNode
} from 'kysely'
import type { StoreLoad } from '../../domain/model/store.ts'
import { Writer } from './writer.ts'

const READ_TIMEOUT = 1000

/**
 * Connects Kysely to SQLite. This thread reads, on a read-only connection; the writer thread writes. A read inside a
 * transaction goes to the writer thread, too, so that it sees the transaction's own changes.
 */
export class SqliteDriver implements Driver {
  readonly #path: string
  #writer: Writer | undefined
  #reader: Reader | undefined

  constructor(path: string) {
    this.#path = path
  }

  async init(): Promise<void> {
    this.#writer = await Writer.open(this.#path)
    this.#reader = new Reader(this.#path)
  }

  load(): StoreLoad {
    return { waiting: this.#writer?.waiting ?? 0 }
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new SqliteConnection(this.#writer as Writer, this.#reader as Reader)
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).begin()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).end('commit')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as SqliteConnection).end('rollback')
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#reader?.close()
    await this.#writer?.close()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #writer: Writer
  readonly #reader: Reader
  #inTransaction = false

  constructor(writer: Writer, reader: Reader) {
    this.#writer = writer
    this.#reader = reader
  }

  async begin(): Promise<void> {
    await this.#writer.begin()
    this.#inTransaction = true
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    // Kysely rolls back after a failed commit, too. By then, that would undo the next caller's transaction.
    if (!this.#inTransaction) return
    this.#inTransaction = false
    await this.#writer[how]()
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    if (!this.#inTransaction && SelectQueryNode.is(query))
      return { rows: this.#reader.all(sql, parameters) as R[] }
    const { rows, changes } = this.#inTransaction
      ? await this.#writer.run(sql, parameters)
      : await this.#writer.runAlone(sql, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for a generator; the SQLite store does not stream.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('The SQLite store does not stream')
  }
}

class Reader {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(path: string) {
    this.#db = new Database(path, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT })
  }

  all(sql: string, parameters: readonly unknown[]): unknown[] {
    return this.#prepare(sql).all(parameters)
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
