import t from 'tap'
import { MINUTE } from '../../../domain/clock.ts'
import { auditEvent } from '../../../domain/model/audit.ts'
import { build, password } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { hire, idOf, signIn } from '../admin/people.ts'

const nobody = { actorId: null, ip: '192.0.2.7', userAgent: 'Guesser', requestId: 'request' }
const url = '/auth/me/export'

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { app, clock } = service
    const root = await service.setUp()
    await root.post('/admin/roles', { name: 'editor', scope: 'a:b' })
    await hire(root, 'ann@example.com', ['editor'])
    await signIn(service, 'ann@example.com')
    const ann = await signIn(service, 'ann@example.com')
    const annId = await idOf(ann)
    await service.signUp('stranger@example.com')
    const { status, headers, body, text } = await ann.get(url)

    await t.test('the export is a file to keep, which no cache keeps', (t) => {
      t.equal(status, 200)
      t.equal(headers['content-type'], 'application/json; charset=utf-8')
      t.equal(headers['content-disposition'], 'attachment; filename="gatehouse-account.json"')
      t.equal(headers['cache-control'], 'no-store')
      t.end()
    })

    await t.test(
      'the export has profile, roles, sessions and events as their own lists show them',
      async (t) => {
        const { user, scope } = (await ann.get('/auth/me')).body
        t.strictSame(
          { exportedAt: body.exportedAt, user: body.user, scope: body.scope },
          { exportedAt: new Date(clock()).toISOString(), user, scope }
        )
        t.strictSame(user.roles, ['editor', 'user'])
        t.strictSame(body.sessions, (await ann.get('/auth/sessions')).body.items)
        t.strictSame(body.events, (await ann.get('/auth/events')).body.items)
      }
    )

    await t.test('the trail says that the data were exported, and the export has that, too', async (t) => {
      t.match(body.events[0], { type: 'account.exported', by: 'you' })
      const [event] = await app.store.audit.list({ limit: 1, type: 'account.exported' })
      t.match(event, { actorId: annId, userId: annId, ip: '127.0.0.1' })
    })

    await t.test('the export has no secret, and nothing of others', async (t) => {
      const user = await app.store.users.find(annId)
      const sessions = await app.store.sessions.listLive(annId, clock(), { limit: 9 })
      const secrets = [user?.passwordHash, ...sessions.map(({ seed }) => seed)]
      const cookies = [...ann.cookies.values()].map(({ value }) => value)
      t.ok(secrets.length > 2 && cookies.length > 2)
      for (const secret of [...secrets, ...cookies, password, await idOf(root)])
        t.notOk(text.includes(String(secret)), secret ?? '')
      t.notMatch(text, /argon2|seed|generation|stranger/)
    })

    await t.test('more events than one page are all in it, each once', async (t) => {
      await app.store.transaction(async (tx) => {
        for (let n = 0; n < 450; n += 1)
          await tx.audit.append(auditEvent('login.failed', nobody, clock(), { userId: annId }))
      })
      const { events } = (await ann.get(url)).body
      const failed = events.filter(({ type }: { type: string }) => type === 'login.failed')
      t.equal(failed.length, 450)
      t.equal(new Set(events.map(({ id }: { id: string }) => id)).size, events.length)
    })

    await t.test(
      'a bearer token, or an access cookie without its session cookie, gets nothing',
      async (t) => {
        const token = ann.value('access')
        const ways: Array<Record<string, string>> = [
          { authorization: `Bearer ${token}` },
          { cookie: `access=${token}` },
          {}
        ]
        for (const headers of ways) {
          const answer = await service.browser({}).get(url, headers)
          t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'))
        }
      }
    )

    await t.test('a sign-in that is not recent gets nothing, until it is proved again', async (t) => {
      clock.advance(11 * MINUTE)
      await ann.post('/auth/refresh')
      t.strictSame(refusalOf(await ann.get(url)), refusal(401, 'reauthentication_required'))
      await ann.post('/auth/reauthenticate', { password })
      t.equal((await ann.get(url)).status, 200)
    })
  })
}
