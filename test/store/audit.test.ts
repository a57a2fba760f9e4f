import Database from 'better-sqlite3'
import pg from 'pg'
import t from 'tap'
import { engines } from '../harness/engines.ts'
import { now, openOn } from './rows.ts'

const ROWS = 20_000
const insert = 'insert into audit_events (id, at, type, user_id, detail)'
const values = `'id-' || n, ${now}, 'login.failed', 'user-' || (n % 40), '{}'`

interface Engine {
  fill(): Promise<void>
  /** Returns the plan of the one statement that `work` runs. */
  planOf(work: () => Promise<unknown>): Promise<string>
}

function onSqlite(url: string): Engine {
  const db = new Database(url.slice('file:'.length))
  return {
    async fill() {
      db.exec(
        `with recursive rows (n) as (select 1 union all select n + 1 from rows where n < ${ROWS}) ${insert} select ${values} from rows`
      )
    },
    async planOf(work) {
      const { prepare } = Database.prototype
      let statement = ''
      Database.prototype.prepare = function (this: Database.Database, text: string) {
        statement = text
        return prepare.call(this, text)
      } as typeof prepare
      await work().finally(() => {
        Database.prototype.prepare = prepare
      })
      const bound = Array.from(statement.matchAll(/\?/g), () => 1)
      const rows = db.prepare(`explain query plan ${statement}`).all(...bound)
      db.close()
      return JSON.stringify(rows)
    }
  }
}

function onPostgres(url: string): Engine {
  const client = new pg.Client(url)
  return {
    async fill() {
      await client.connect()
      await client.query(`${insert} select ${values} from generate_series(1, ${ROWS}) as n`)
      await client.query('analyze audit_events')
    },
    async planOf(work) {
      const { query } = pg.Client.prototype
      let statement: unknown[] = []
      pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
        if (String(args[0]).includes('audit_events')) statement = args
        return Reflect.apply(query, this, args)
      } as typeof query
      await work().finally(() => {
        pg.Client.prototype.query = query
      })
      const [text, parameters] = statement as [string, unknown[]]
      const { rows } = await client.query(`explain ${text}`, parameters)
      await client.end()
      return JSON.stringify(rows)
    }
  }
}

for (const engine of engines) {
  t.test(
    `on ${engine.name}, the events of one account are read by their index`,
    {
      skip: engine.missing
    },
    async (t) => {
      const { store, url } = await openOn(t, engine)
      const { fill, planOf } = engine.name === 'sqlite' ? onSqlite(url) : onPostgres(url)
      await fill()
      const plan = await planOf(() => store.audit.list({ limit: 51, userId: 'user-7', after: 'id-999' }))
      t.match(plan, 'audit_events_by_user_id')
    }
  )
}
