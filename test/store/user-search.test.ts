import Database from 'better-sqlite3'
import pg from 'pg'
import t from 'tap'
import { uuidv7 } from '../../domain/id.ts'
import { openStore } from '../../store/index.ts'
import { engines, postgres, postgresInC } from '../harness/engines.ts'
import { insertUser, openOn } from './rows.ts'

/** More than one batch. */
const MANY = 1101

async function runIn(url: string, statement: string): Promise<void> {
  if (url.startsWith('file:')) {
    new Database(url.slice('file:'.length)).exec(statement).close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}

for (const engine of engines) {
  t.test(
    `accounts of an earlier version are found after a start, on ${engine.name}`,
    { skip: engine.missing },
    async (t) => {
      const { store, url } = await openOn(t, engine)
      const rows = Array.from(
        { length: MANY },
        (_, n) => `('${uuidv7()}', 'n${n}@xn--mnchen-3ya.de', ${n % 2 ? "'ÉLODIE'" : 'null'}, 1, 0, 0, 1)`
      )
      const columns = 'id, email, name, version, disabled, email_verified, created_at'
      await runIn(url, `insert into users (${columns}) values ${rows.join(', ')}`)
      t.strictSame(await store.users.list({ limit: MANY, search: 'münchen' }), [])

      const starts = await Promise.all([1, 2].map(() => openStore(url, () => {})))
      t.equal((await store.users.list({ limit: 2 * MANY, search: 'münchen' })).length, MANY)
      t.equal((await store.users.list({ limit: 2 * MANY, search: 'elodie' })).length, Math.floor(MANY / 2))
      for (const { store } of starts) await store.close()
    }
  )
}

t.test(
  'a database that knows ASCII only finds capitals of every alphabet',
  { skip: postgres.missing },
  async (t) => {
    const { store } = await openOn(t, postgresInC)
    const { id } = await insertUser(store)
    await store.users.setName(id, 'ÉLODIE ΟΔΥΣΣΕΥΣ')
    for (const search of ['élodie', 'ÉLODIE', 'οδυσσεύς'])
      t.strictSame(
        (await store.users.list({ limit: 9, search })).map((user) => user.id),
        [id],
        search
      )
  }
)
