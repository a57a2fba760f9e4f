import { randomBytes } from 'node:crypto'
import { access, rename } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pg from 'pg'
import t from 'tap'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const newMasterKey = () => randomBytes(48).toString('base64url')

for (const engine of engines) {
  t.test(`a lost master key, on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const first = await build(t, { engine, env: { AUTH_MASTER_KEY: newMasterKey() } })
    const ada = await first.signUp()
    const env = { ...first.env, AUTH_MASTER_KEY: newMasterKey() }
    await t.rejects(build(t, { env }), { message: /^The master key does not open the signing keys/ })

    await t.test('is got over as docs/operations.md says: without the signing keys', async (t) => {
      await run(first.env.DATABASE_URL as string, 'delete from signing_keys')
      const { browser } = await build(t, { env })
      const again = browser()
      again.cookies.set('refresh', { value: ada.value('refresh'), path: '/auth' })
      t.equal((await again.post('/auth/refresh')).body.code, 'invalid_session')
      t.equal((await again.post('/auth/login', { email: 'ada@example.com', password })).status, 200)
      t.equal((await again.get('/auth/me')).status, 200)
    })
  })
}

t.test('a master.key that went missing is asked for, and none is made in its place', async (t) => {
  const first = await build(t)
  await first.app.close()
  const path = join(first.env.AUTH_DATA_DIR as string, 'master.key')
  await rename(path, `${path}.away`)
  await t.rejects(build(t, { env: first.env }), {
    message: `There is no master key at ${path}: put the one there that was in force when this database was made`
  })
  await t.rejects(access(path))
  await rename(`${path}.away`, path)
  t.equal((await (await build(t, { env: first.env })).app.inject('/readyz')).statusCode, 200)
})

async function run(url: string, sql: string): Promise<void> {
  if (url.startsWith('file:')) {
    const database = new Database(url.slice('file:'.length))
    database.exec(sql)
    database.close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}
