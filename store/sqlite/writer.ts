import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { WriteOutcome, WriteReply, WriteRequest, WriteResult } from './protocol.ts'

type Unsent<R> = R extends { id: number } ? Omit<R, 'id'> : never

interface Waiter {
  resolve(result: WriteResult): void
  reject(error: Error): void
}

const GROUP_LIMIT = 64
const SETTLED_AT_ONCE = 8
/** Milliseconds that a write may wait for the writes before it. */
const TURN_TIMEOUT = 3000
/** How many callers may wait for their turn. The next one is refused at once. */
const MAX_QUEUE = 1000

/** Talks to the writer thread: one logical transaction at a time, in the order of arrival. */
export class Writer {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  readonly #turns: Array<() => void> = []
  #nextId = 1
  #busy = false
  #unflushed = 0
  #flushing = false
  #closing = false
  #dead: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: WriteReply) => this.#receive(reply))
    worker.on('error', (error: Error) => this.#die(error))
    worker.on('exit', () => this.#die(new Error('the database connection is not open')))
  }

  /** Opens the file, and creates it if it is missing. Rejects with the error of SQLite. */
  static async open(path: string): Promise<Writer> {
    // Under `node --watch`, a worker reports the modules it loads to its parent, among the replies.
    const env = { ...process.env, WATCH_REPORT_DEPENDENCIES: '' }
    const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: { path }, env })
    await once(worker, 'message')
    return new Writer(worker)
  }

  /** Waits for this caller's turn to write. The caller must end it with `commit` or `rollback`. */
  async begin(): Promise<void> {
    if (this.#busy) await this.#waitForTurn()
    if (this.#dead) throw this.#dead
    this.#busy = true
  }

  run(sql: string, parameters: readonly unknown[]): Promise<WriteResult> {
    return this.#send({ kind: 'run', sql, parameters, alone: false, deadline: Date.now() + TURN_TIMEOUT })
  }

  /** Runs one statement as a whole transaction. Resolves when it is on disk. */
  async runAlone(sql: string, parameters: readonly unknown[]): Promise<WriteResult> {
    await this.begin()
    const result = this.#send({
      kind: 'run',
      sql,
      parameters,
      alone: true,
      deadline: Date.now() + TURN_TIMEOUT
    })
    this.#endTurn()
    return result
  }

  /** Commits. Resolves when the transaction is on disk. */
  async commit(): Promise<void> {
    const committed = this.#send({ kind: 'commit' })
    this.#endTurn()
    await committed
  }

  async rollback(): Promise<void> {
    const rolledBack = this.#send({ kind: 'rollback' })
    this.#endTurn()
    await rolledBack
  }

  /** Counts the callers that wait for their turn. */
  get waiting(): number {
    return this.#turns.length
  }

  async close(): Promise<void> {
    if (this.#dead) return
    // Waits for its turn: closing at once would commit half of an open transaction.
    await this.begin()
    this.#closing = true
    await this.#send({ kind: 'close' })
    await this.#worker.terminate()
  }

  #waitForTurn(): Promise<void> {
    if (this.#turns.length >= MAX_QUEUE) return Promise.reject(busy('too many wait for their turn to write'))
    return new Promise((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#turns.splice(this.#turns.indexOf(turn), 1)
        reject(busy('no turn to write in time'))
      }, TURN_TIMEOUT)
      this.#turns.push(turn)
    })
  }

  // The next caller starts before this one is on disk. All transactions that end during one fsync share the next one.
  #endTurn(): void {
    this.#unflushed += 1
    const next = this.#turns.shift()
    this.#busy = next !== undefined
    if (!next || this.#unflushed >= GROUP_LIMIT) this.#flush()
    next?.()
  }

  #flush(): void {
    if (this.#flushing || this.#unflushed === 0) return
    this.#flushing = true
    this.#unflushed = 0
    this.#post({ kind: 'flush' })
  }

  #receive({ flushed, outcomes }: WriteReply): void {
    if (flushed) this.#flushing = false
    // During a transaction, the flush waits for its end: it would commit half of it.
    if (flushed && !this.#busy) this.#flush()
    void this.#settleInTurns(outcomes)
  }

  #send(request: Unsent<WriteRequest>): Promise<WriteResult> {
    if (this.#dead) return Promise.reject(this.#dead)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject })
      this.#post({ ...request, id } as WriteRequest)
    })
  }

  #post(request: WriteRequest): void {
    this.#worker.postMessage(request)
  }

  // Settles a few callers at a time, so that other work gets its turn in the event loop.
  async #settleInTurns(outcomes: WriteOutcome[]): Promise<void> {
    for (const [index, outcome] of outcomes.entries()) {
      if (index > 0 && index % SETTLED_AT_ONCE === 0) await setImmediate()
      this.#settle(outcome)
    }
  }

  #settle(outcome: WriteOutcome): void {
    const waiter = this.#waiters.get(outcome.id)
    this.#waiters.delete(outcome.id)
    if ('result' in outcome) waiter?.resolve(outcome.result)
    else waiter?.reject(Object.assign(new Error(outcome.error.message), { code: outcome.error.code }))
  }

  // Without a writer, the service can save nothing. The process ends, so that its supervisor restarts it.
  #die(error: Error): void {
    this.#dead ??= error
    if (!this.#closing)
      process.nextTick(() => {
        throw error
      })
    for (const waiter of this.#waiters.values()) waiter.reject(this.#dead)
    this.#waiters.clear()
    for (const turn of this.#turns.splice(0)) turn()
  }
}

function busy(reason: string): Error {
  return Object.assign(new Error(reason), { code: 'SQLITE_BUSY' })
}
