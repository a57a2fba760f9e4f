import t from 'tap'
import { HOUR } from '../../../domain/clock.ts'
import { CLIENT_CREDENTIALS } from '../../../domain/oauth/grants.ts'
import type { Browser } from '../../harness/browser.ts'
import { build, password } from '../../harness/build.ts'
import { perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { register, tokenOf } from '../../oauth/machine.ts'
import { hire, idOf, readPages, signIn } from '../admin/people.ts'

interface OwnEvent {
  id: string
  at: string
  type: string
  by: string | null
  sessionId: string | null
  ip: string | null
  userAgent: string | null
  detail: Record<string, unknown>
}

const eventsOf = async (window: Browser): Promise<OwnEvent[]> => (await window.get('/auth/events')).body.items

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { clock } = service
    const root = await service.setUp()
    const rootId = await idOf(root)

    await t.test('an event says what happened, when, by whom and from where', async (t) => {
      const ann = await service.signUp('ann@example.com')
      const { session } = (await ann.get('/auth/me')).body
      const [event, ...others] = await eventsOf(ann)
      t.strictSame(others, [])
      t.strictSame(event, {
        id: event?.id,
        at: new Date(clock()).toISOString(),
        type: 'account.registered',
        by: 'you',
        sessionId: session.id,
        ip: '127.0.0.1',
        userAgent: 'lightMyRequest',
        detail: {}
      })
    })

    await t.test('what an administrator did shows neither who nor from where', async (t) => {
      await root.post('/admin/roles', { name: 'editor', scope: 'a:b' })
      const id = await hire(root, 'bob@example.com')
      await root.patch(`/admin/users/${id}`, { roles: ['editor'], name: 'Bob' })
      await root.delete(`/admin/users/${id}/sessions`)
      const bob = await signIn(service, 'bob@example.com')
      const answer = await bob.get('/auth/events')
      const events: OwnEvent[] = answer.body.items
      t.strictSame(
        events.map(({ type, by, ip, userAgent, detail }) => [
          type,
          by,
          ip !== null,
          userAgent !== null,
          detail
        ]),
        [
          ['login.succeeded', 'you', true, true, {}],
          [
            'session.all_ended',
            'administrator',
            false,
            false,
            { reason: 'ended_by_administrator', count: 0 }
          ],
          [
            'user.roles_changed',
            'administrator',
            false,
            false,
            { before: ['user'], after: ['editor', 'user'] }
          ],
          ['user.renamed', 'administrator', false, false, {}],
          ['password.reset', 'you', true, true, {}],
          ['user.created', 'administrator', false, false, { roles: [] }]
        ]
      )
      t.notOk(answer.text.includes(rootId))
    })

    await t.test('what the operator and a machine client did is told apart', async (t) => {
      const cy = await service.signUp('cy@example.com')
      const id = await idOf(cy)
      const machine = await register(service, { scope: ['users:write'], grants: [CLIENT_CREDENTIALS] })
      const authorization = `Bearer ${await tokenOf(service, machine)}`
      await service.browser({}).post(`/admin/users/${id}/unlock`, undefined, { authorization })
      await perform(service.env, 'users unlock', { email: 'cy@example.com' })
      const answer = await cy.get('/auth/events')
      t.strictSame(
        answer.body.items.map(({ type, by, ip }: OwnEvent) => [type, by, ip]),
        [
          ['user.unlocked', 'operator', null],
          ['user.unlocked', 'service', null],
          ['account.registered', 'you', '127.0.0.1']
        ]
      )
      t.notOk(answer.text.includes(machine.id))
    })

    await t.test('a failed sign-in shows from where it came, by nobody known', async (t) => {
      const dan = await service.signUp('dan@example.com')
      const guesser = service.browser({ 'sec-fetch-site': 'same-origin', 'user-agent': 'Guesser/1.0' })
      await guesser.post('/auth/login', { email: 'dan@example.com', password: 'wrong battery staple' })
      t.match(await eventsOf(dan), [
        { type: 'login.failed', by: null, ip: '127.0.0.1', userAgent: 'Guesser/1.0', detail: {} },
        { type: 'account.registered' }
      ])
    })

    await t.test('a replayed token shows no count of generations', async (t) => {
      const eve = await service.signUp('eve@example.com')
      const stale = eve.clone()
      await eve.post('/auth/refresh')
      await eve.post('/auth/refresh')
      await stale.post('/auth/refresh')
      const again = await signIn(service, 'eve@example.com')
      const replayed = (await eventsOf(again)).find(({ type }) => type === 'session.replayed')
      t.strictSame(replayed?.detail, {})
    })

    await t.test('the list has one’s own account only, also for an administrator', async (t) => {
      const types = (await eventsOf(root)).map(({ type }) => type)
      t.strictSame(types, ['administrator.set_up'])
    })

    await t.test('the list goes page by page without loss or repetition, newest first', async (t) => {
      const window = await service.signUp('pages@example.com')
      for (let n = 0; n < 4; n += 1) await window.patch('/auth/me', { name: `${n}` })
      const whole = (await readPages(window, '/auth/events', 200)).flat()
      t.equal(whole.length, 5)
      const pages = await readPages(window, '/auth/events', 2)
      t.strictSame(
        pages.map((page) => page.length),
        [2, 2, 1]
      )
      t.strictSame(pages.flat(), whole)
    })

    await t.test('a bad page is 400', async (t) => {
      for (const query of ['limit=0', 'limit=201', 'limit=x', 'cursor=%00', 'userId=x']) {
        const { status, body } = await root.get(`/auth/events?${query}`)
        t.strictSame([status, body.code], [400, 'invalid_request'], query)
      }
    })

    await t.test(
      'a bearer token, or an access cookie without its session cookie, reads nothing',
      async (t) => {
        const window = await service.signUp('stolen@example.com')
        const token = window.value('access')
        const ways: Array<Record<string, string>> = [
          { authorization: `Bearer ${token}` },
          { cookie: `access=${token}` },
          {}
        ]
        for (const headers of ways) {
          const answer = await service.browser({}).get('/auth/events', headers)
          t.strictSame(refusalOf(answer), refusal(401, 'unauthorized'))
        }
        const other = await service.signUp('other@example.com')
        const cookie = `access=${token}; session=${other.value('session')}`
        t.equal((await service.browser({}).get('/auth/events', { cookie })).status, 401)
      }
    )

    await t.test('the list ends with the session', async (t) => {
      const window = await service.signUp('gone@example.com')
      const before = window.clone()
      await window.post('/auth/logout')
      t.strictSame(refusalOf(await before.get('/auth/events')), refusal(401, 'unauthorized'))
      clock.advance(HOUR)
      await window.post('/auth/login', { email: 'gone@example.com', password })
      t.match(await eventsOf(window), [
        { type: 'login.succeeded' },
        { type: 'session.ended', by: 'you', detail: { reason: 'logout' } },
        { type: 'account.registered' }
      ])
    })
  })
}
