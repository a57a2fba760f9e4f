import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import type { WriteOutcome, WriteReply, WriteRequest, WriteResult } from './protocol.ts'

/** Milliseconds to wait while another process, such as a command, writes. */
const LOCK_TIMEOUT = 3000
const BUSY = { code: 'SQLITE_BUSY' }

/**
 * The only writer of a SQLite file. It runs in a separate thread, so that fsync does not block the event loop. Logical
 * transactions that arrive together are savepoints of one physical transaction, and share its fsync (group commit). Each is
 * acknowledged only after that fsync.
 */
const db = new Database((workerData as { path: string }).path, { timeout: LOCK_TIMEOUT })
db.pragma('journal_mode = WAL')
// The pragma reads FULL by default, but the default of this build for WAL is NORMAL, which never syncs a commit.
db.pragma('synchronous = FULL')
db.pragma('foreign_keys = ON')

const port = parentPort as NonNullable<typeof parentPort>
const statements = new Map<string, Database.Statement>()

let inSavepoint = false
let lost: unknown
let waiting: Array<{ id: number; result: WriteResult }> = []

port.on('message', (request: WriteRequest) => {
  switch (request.kind) {
    case 'run':
      return request.alone ? runAlone(request) : runInSavepoint(request)
    case 'commit':
      return commit(request.id)
    case 'rollback':
      return rollback(request.id)
    case 'flush':
      return flush()
    case 'close':
      flush()
      db.close()
      return reply({ id: request.id, result: { rows: [], changes: 0 } })
  }
})
port.postMessage('ready')

function runAlone({ id, sql, parameters, deadline }: WriteRequest & { kind: 'run' }): void {
  try {
    begin(deadline)
    waiting.push({ id, result: execute(sql, parameters) })
  } catch (error) {
    fail(id, error)
    abandonIfRolledBack(error)
  }
}

function runInSavepoint({ id, sql, parameters, deadline }: WriteRequest & { kind: 'run' }): void {
  try {
    if (lost) throw lost
    begin(deadline)
    if (!inSavepoint) db.exec('savepoint logical')
    inSavepoint = true
    reply({ id, result: execute(sql, parameters) })
  } catch (error) {
    fail(id, error)
    abandonIfRolledBack(error)
  }
}

function commit(id: number): void {
  try {
    if (lost) throw lost
    if (inSavepoint) db.exec('release logical')
    waiting.push({ id, result: { rows: [], changes: 0 } })
  } catch (error) {
    fail(id, error)
  }
  endLogical()
}

function rollback(id: number): void {
  try {
    if (inSavepoint && !lost) db.exec('rollback to logical; release logical')
    reply({ id, result: { rows: [], changes: 0 } })
  } catch (error) {
    fail(id, error)
  }
  endLogical()
}

function endLogical(): void {
  inSavepoint = false
  lost = undefined
}

function flush(): void {
  const acknowledged = waiting
  waiting = []
  try {
    if (db.inTransaction) db.exec('commit')
    post({ flushed: true, outcomes: acknowledged })
  } catch (error) {
    if (db.inTransaction) db.exec('rollback')
    post({ flushed: true, outcomes: acknowledged.map(({ id }) => failure(id, error)) })
  }
}

function begin(deadline: number): void {
  if (db.inTransaction) return
  if (Date.now() >= deadline) throw Object.assign(new Error('the file is held by another process'), BUSY)
  db.exec('begin immediate')
}

// A full disk or an I/O error rolls the whole physical transaction back, so every request in it fails.
function abandonIfRolledBack(error: unknown): void {
  if (db.inTransaction) return
  if (inSavepoint) lost = error
  for (const { id } of waiting) fail(id, error)
  waiting = []
}

function execute(sql: string, parameters: readonly unknown[]): WriteResult {
  const statement = prepare(sql)
  if (statement.reader) return { rows: statement.all(parameters), changes: 0 }
  return { rows: [], changes: statement.run(parameters).changes }
}

function prepare(sql: string): Database.Statement {
  const known = statements.get(sql)
  if (known) return known
  const statement = db.prepare(sql)
  statements.set(sql, statement)
  return statement
}

function fail(id: number, error: unknown): void {
  reply(failure(id, error))
}

function failure(id: number, error: unknown): WriteOutcome {
  const { code, message } = error as { code?: string; message: string }
  return { id, error: { code, message } }
}

function reply(outcome: WriteOutcome): void {
  post({ flushed: false, outcomes: [outcome] })
}

function post(message: WriteReply): void {
  port.postMessage(message)
}
