import argon2 from 'argon2'
import Database from 'better-sqlite3'
import pg from 'pg'
import { serve } from './process.ts'
import { measureRate } from './rate.ts'

/** The peers of our figures: libraries and engines without Gatehouse's code. */
interface Argon2Cost {
  memoryCost: number
  timeCost: number
  parallelism: number
}

const POOL = 10
const CREATE =
  'create table peer (id integer primary key, generation integer not null, used_at bigint not null)'
const UPDATE = 'update peer set generation = generation + 1, used_at ='

const jobs = {
  /** Returns argon2.verify calls per second. */
  async verify(cost: Argon2Cost, inFlight: number, seconds: number) {
    const hash = await argon2.hash('correct horse battery staple', { type: argon2.argon2id, ...cost })
    return measureRate({ inFlight, seconds }, () => argon2.verify(hash, 'correct horse battery staple'))
  },

  /** Returns durable single-row updates per second on a SQLite file. There is one writer: other updates wait. */
  updateSqlite(url: string, rows: number, seconds: number) {
    const db = new Database(url.slice('file:'.length))
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec(CREATE)
    for (let id = 0; id < rows; id += 1) db.prepare('insert into peer values (?, 0, 0)').run(id)
    const update = db.prepare(`${UPDATE} ? where id = ? returning *`)

    const startedAt = performance.now()
    let done = 0
    for (; performance.now() < startedAt + seconds * 1000; done += 1) update.get(Date.now(), done % rows)
    db.close()
    return done / seconds
  },

  /** Returns durable single-row updates per second by a pool as large as ours. */
  async updatePostgres(url: string, rows: number, seconds: number) {
    const pool = new pg.Pool({ connectionString: url, max: POOL })
    // `pool.end()` does not wait until connections are closed: the database may be dropped before that.
    pool.on('error', () => undefined)
    await pool.query(CREATE)
    await pool.query('insert into peer select id, 0, 0 from generate_series(0, $1 - 1) id', [rows])
    const rate = await measureRate({ inFlight: rows, seconds }, (id) =>
      pool.query({ name: 'update', text: `${UPDATE} $1 where id = $2 returning *`, values: [Date.now(), id] })
    )
    await pool.end()
    return rate
  }
}

export type PeerJobs = typeof jobs
serve(jobs)
