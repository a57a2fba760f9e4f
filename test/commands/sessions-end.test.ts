import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../commands/command.ts'
import { HOUR } from '../../domain/clock.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { Session } from '../../domain/model/session.ts'
import { endAllSessions } from '../../domain/sessions/end-all.ts'
import { build, password } from '../harness/build.ts'
import { gatehouse, perform } from '../harness/command.ts'
import { engines } from '../harness/engines.ts'

const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

const newSession = (userId: string): Omit<Session, 'endedAt'> => ({
  id: uuidv7(),
  userId,
  seed: 'seed',
  generation: 0,
  handover: 'withheld',
  remember: true,
  createdAt: Date.now(),
  authTime: Date.now(),
  lastUsedAt: Date.now(),
  idleExpiresAt: Date.now() + HOUR,
  expiresAt: Date.now() + HOUR,
  ip: '127.0.0.1',
  userAgent: 'test'
})

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const ended = async (...words: string[]) => {
      const { code, stdout, stderr } = await gatehouse(['sessions', 'end', ...words], service.env)
      await service.app.revocations.poll()
      return { code, stdout, stderr }
    }

    t.test('sessions end --user signs one user out everywhere, and nobody else', async (t) => {
      const ada = await service.signUp('ada@example.com')
      const phone = service.browser()
      await phone.post('/auth/login', { email: 'ada@example.com', password })
      const bob = await service.signUp('bob@example.com')
      t.strictSame(await ended('--user', 'Ada@Example.com'), {
        code: 0,
        stdout: '2 sessions ended.\n',
        stderr: ''
      })
      for (const browser of [ada, phone]) {
        t.equal((await browser.get('/auth/check')).status, 401)
        t.equal((await browser.post('/auth/refresh')).status, 401)
      }
      t.equal((await bob.get('/auth/me')).status, 200)
    })

    t.test('sessions end --all signs everybody out, writes it down, and everybody can sign in', async (t) => {
      const eve = await service.signUp('eve@example.com')
      t.equal((await ended('--all')).stdout, '2 sessions ended.\n')
      t.equal((await eve.get('/auth/check')).status, 401)
      t.equal((await eve.post('/auth/refresh')).status, 401)
      t.equal((await eve.post('/auth/login', { email: 'eve@example.com', password })).status, 200)
      const [event] = await service.app.store.audit.list({ limit: 1, type: 'session.all_ended' })
      t.match(event, {
        actorId: 'operator',
        userId: null,
        detail: { reason: 'ended_by_operator', count: 2 }
      })
    })

    t.test(
      'more sessions than end at once all end, with a row of the audit trail for each thousand',
      async (t) => {
        const { store } = service.app
        const [user] = await store.users.list({ limit: 1 })
        await store.transaction(async (tx) => {
          for (let n = 0; n < 1500; n += 1) await tx.sessions.insert(newSession(user?.id ?? ''))
        })
        const now = Date.now()
        const before = (await store.revocations.since(0, now)).entries.length
        const count = await endAllSessions(store, now, 'ended_by_operator', nobody)
        t.ok(count >= 1500)
        t.equal((await store.revocations.since(0, now)).entries.length - before, count)
        const events = await store.audit.list({ limit: 2, type: 'session.all_ended' })
        t.match(events, [{ detail: { count: count - 1000 } }, { detail: { count: 1000 } }])
        t.equal(await endAllSessions(store, now, 'ended_by_operator', nobody), 0)
      }
    )

    t.test('an address that nobody has is told in one line', async (t) => {
      t.strictSame(await ended('--user', 'nobody@example.com'), {
        code: 1,
        stdout: '',
        stderr: 'There is no account with the address nobody@example.com\n'
      })
    })
  })
}

t.test('sessions end asks whose', async (t) => {
  for (const values of [{}, { all: true, user: 'ada@example.com' }, { user: '' }]) {
    const thrown = await perform({}, 'sessions end', values).catch((error: unknown) => error)
    t.ok(thrown instanceof UsageError, JSON.stringify(values))
  }
})

t.test('sessions end takes no new database for the service’s', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const env = { AUTH_DATA_DIR: join(folder, 'mistyped') }
  t.strictSame(await gatehouse(['sessions', 'end', '--all'], env), {
    code: 1,
    stdout: '',
    stderr: `There is no database at ${env.AUTH_DATA_DIR}/gatehouse.db\n`
  })
  t.strictSame(await readdir(folder), [])
})
