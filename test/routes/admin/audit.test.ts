import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { operator } from '../../../commands/operator.ts'
import { DAY, HOUR } from '../../../domain/clock.ts'
import { PermanentFailure } from '../../../domain/mail/delivery.ts'
import { auditTypes } from '../../../domain/model/audit.ts'
import { CLIENT_CREDENTIALS } from '../../../domain/oauth/grants.ts'
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE } from '../../../domain/oauth/token-exchange.ts'
import { MANAGEMENT_SCOPE } from '../../../domain/roles/scopes.ts'
import type { Browser } from '../../harness/browser.ts'
import { build, password, type TestApp } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'
import { post, register, tokenOf } from '../../oauth/machine.ts'
import { hire, idOf, readPages, signIn } from './people.ts'

const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

interface Event {
  id: string
  type: string
  userId: string | null
  actorId: string | null
  at: string
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const root = await service.setUp()
    const rootId = await idOf(root)
    const ids = [await hire(root, 'ann@example.com'), await hire(root, 'bob@example.com')]
    service.clock.advance(HOUR)
    await signIn(service, 'ann@example.com')
    const later = await signIn(service, 'root@example.com')
    const list = async (query: string): Promise<Event[]> =>
      (await later.get(`/admin/audit?${query}`)).body.items

    t.test('the trail is read by its cursor to the end, newest first', async (t) => {
      const whole = await list('limit=200')
      t.strictSame(
        whole.map(({ type }) => type),
        [
          'login.succeeded',
          'login.succeeded',
          'password.reset',
          'user.created',
          'password.reset',
          'user.created',
          'administrator.set_up'
        ]
      )
      for (const limit of [1, 2, 7]) {
        const pages = await readPages(later, '/admin/audit', limit)
        t.strictSame(pages.flat(), whole)
        t.equal(pages.length, Math.ceil(whole.length / limit))
      }
    })

    t.test('an event says who did what to whom, from where, in which request', async (t) => {
      const answer = await root.post('/auth/refresh')
      t.equal(answer.status, 200)
      const refused = await root.post('/auth/login', { email: 'bob@example.com', password: 'wrong' })
      const [event] = (await later.get('/admin/audit?type=login.failed')).body.items
      const { id, ...rest } = event
      t.type(id, 'string')
      t.strictSame(rest, {
        at: new Date(service.clock()).toISOString(),
        type: 'login.failed',
        actorId: null,
        onBehalfOf: null,
        userId: ids[1],
        sessionId: null,
        ip: '127.0.0.1',
        userAgent: 'lightMyRequest',
        requestId: refused.body.requestId,
        detail: {}
      })
    })

    t.test('the filters choose by type, person, doer and time, and all together', async (t) => {
      const [annId = '', bobId = ''] = ids
      const created = await list('type=user.created')
      t.strictSame(
        created.map(({ userId }) => userId),
        [bobId, annId]
      )
      t.strictSame(await list(`userId=${annId}&type=user.created`), [created[1]])
      t.ok((await list(`actorId=${rootId}`)).every(({ actorId }) => actorId === rootId))
      t.strictSame(
        (await list(`actorId=${rootId}`)).map(({ type }) => type),
        ['login.succeeded', 'user.created', 'user.created', 'administrator.set_up']
      )
      const noon = new Date(service.clock() - HOUR / 2).toISOString()
      t.strictSame(
        (await list(`to=${noon}&actorId=${rootId}`)).map(({ type }) => type),
        ['user.created', 'user.created', 'administrator.set_up']
      )
      t.ok((await list(`from=${noon}`)).every(({ type }) => type.startsWith('login.')))
      t.strictSame(await list(`from=${noon}&type=user.created`), [])
      const pages = await readPages(later, '/admin/audit?type=user.created', 1)
      t.strictSame(pages.flat(), created)
    })

    t.test('`from` belongs to the span and `to` does not', async (t) => {
      const [{ at } = { at: '' }] = await list('type=user.created')
      t.equal((await list(`type=user.created&from=${at}`)).length, 2)
      t.equal((await list(`type=user.created&to=${at}`)).length, 0)
    })

    t.test(
      'an unknown type, a time that is none, an unknown filter and a bad cursor are refused with 400',
      async (t) => {
        for (const query of [
          'type=user',
          'from=yesterday',
          'to=2026-13-01T00:00:00Z',
          'who=x',
          'cursor=*',
          'limit=0'
        ]) {
          const { status, body } = await later.get(`/admin/audit?${query}`)
          t.equal(status, 400, query)
          t.equal(body.code, 'invalid_request')
        }
      }
    )

    t.test('what was written outlives the account that it is about', async (t) => {
      const [annId = ''] = ids
      t.equal((await later.delete(`/admin/users/${annId}`)).status, 204)
      const types = (await list(`userId=${annId}`)).map(({ type }) => type)
      t.strictSame(types, ['user.deleted', 'login.succeeded', 'password.reset', 'user.created'])
    })
  })
}

t.test('a client that acts for a person is the actor, and the person is named beside it (F11)', async (t) => {
  const service = await build(t)
  const root = await service.setUp()
  const rootId = await idOf(root)
  const machine = await register(service, {
    scope: ['users:write'],
    grants: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE]
  })
  const { body: exchanged } = await post(
    service,
    '/oauth/token',
    {
      grant_type: TOKEN_EXCHANGE,
      subject_token: root.value('access'),
      subject_token_type: ACCESS_TOKEN_TYPE
    },
    machine.basic
  )
  const createdBy = async (email: string, token: string) => {
    const authorization = `Bearer ${token}`
    const { status, body } = await service.browser({}).post('/admin/users', { email }, { authorization })
    t.equal(status, 201)
    const { items } = (await root.get(`/admin/audit?userId=${body.id}`)).body
    return items.find(({ type }: { type: string }) => type === 'user.created')
  }

  await t.test('by an exchanged token alone', async (t) => {
    const acting = await createdBy('ann@example.com', exchanged.access_token)
    t.match(acting, { actorId: machine.id, onBehalfOf: rootId })
    const own = await createdBy('bob@example.com', await tokenOf(service, machine))
    t.match(own, { actorId: machine.id, onBehalfOf: null })
    t.equal((await root.post('/admin/users', { email: 'cy@example.com' })).status, 201)
    const { items } = (await root.get('/admin/audit?type=user.created&limit=1')).body
    t.match(items, [{ actorId: rootId, onBehalfOf: null }])
  })

  await t.test('and the row is found by either', async (t) => {
    const { items } = (await root.get(`/admin/audit?onBehalfOf=${rootId}`)).body
    t.match(items, [{ type: 'user.created', actorId: machine.id, onBehalfOf: rootId }])
    const [row] = (await root.get(`/admin/audit?actorId=${machine.id}&onBehalfOf=${rootId}`)).body.items
    t.strictSame(row, items[0])
  })

  await t.test('and may give itself and the person nothing that they lack', async (t) => {
    await root.post('/admin/roles', { name: 'payer', scope: 'payments:approve' })
    const caller = { actorId: machine.id, onBehalfOf: rootId, ip: null, userAgent: null, requestId: null }
    const administrator = { caller, scope: [...MANAGEMENT_SCOPE] }
    const { administration: users } = service.app.accounts
    await t.rejects(users.changeUser(rootId, { roles: ['admin', 'payer'] }, administrator), {
      code: 'forbidden'
    })
  })
})

t.test('every kind of event is written by what it is named after', async (t) => {
  const send = () => Promise.reject(new PermanentFailure('550 no such address'))
  const mailTransport = { send, close: () => {} }
  const service = await build(t, { env: { AUTH_LOGIN_LIMIT_PER_ACCOUNT: '5' }, mailTransport })
  const root = await service.setUp()
  await walkAccount(service)
  await walkIntoTheDelay(service)
  await walkAdministration(service, root)
  await walkClients(service, root)
  await walkKeys(service, root)
  await walkImport(service)
  await walkMail(service)
  const window = await signIn(service, 'root@example.com')
  const events = (await readPages(window, '/admin/audit', 200)).flat() as Event[]
  t.strictSame([...new Set(events.map(({ type }) => type))].sort(), [...auditTypes].sort())
})

async function walkMail({ app, browser }: TestApp): Promise<void> {
  await browser().post('/auth/password/forgot', { email: 'root@example.com' })
  await app.deliverMail()
}

async function walkImport({ app }: TestApp): Promise<void> {
  const options = { dryRun: false, update: true, withRoles: false, trustVerified: true }
  const imported = (record: object) => {
    const text = JSON.stringify({ email: 'moved@example.com', ...record })
    const { importLines } = app.accounts.startImport(options, operator)
    return importLines([{ number: 1, text }])
  }
  await imported({ passwordHash: `$2b$04$${'a'.repeat(53)}` })
  await imported({ passwordHash: `$2b$04$${'b'.repeat(53)}`, emailVerified: true })
}

async function walkIntoTheDelay(service: TestApp): Promise<void> {
  const guess = { email: 'delayed@example.com', password: 'wrong horse battery staple' }
  for (let n = 0; n < 8; n += 1) await service.browser().post('/auth/login', guess)
}

async function walkAccount(service: TestApp): Promise<void> {
  const ann = await service.signUp('ann@example.com')
  const chosen = 'another battery staple horse'
  await ann.patch('/auth/me', { name: 'Ann' })
  await ann.get('/auth/me/export')
  await ann.post('/auth/reauthenticate', { password: 'wrong' })
  await ann.post('/auth/reauthenticate', { password })
  await ann.put('/auth/password', { currentPassword: 'wrong', newPassword: chosen })
  await ann.put('/auth/password', { currentPassword: password, newPassword: chosen })
  await service.browser().post('/auth/login', { email: 'ann@example.com', password })

  const stale = ann.clone()
  await ann.post('/auth/refresh')
  await ann.post('/auth/refresh')
  await stale.post('/auth/refresh')

  const again = service.browser()
  await again.post('/auth/login', { email: 'ann@example.com', password: chosen })
  await again.post('/auth/logout')
  await again.post('/auth/login', { email: 'ann@example.com', password: chosen })
  await again.post('/auth/logout-all')
  await again.post('/auth/login', { email: 'ann@example.com', password: chosen })
  await again.delete('/auth/me')
}

async function walkAdministration(service: TestApp, root: Browser): Promise<void> {
  await root.post('/admin/roles', { name: 'editor', scope: 'a:b' })
  await root.put('/admin/roles/editor', { scope: 'a:c' })
  const id = await hire(root, 'bob@example.com')
  const { body } = await root.post(`/admin/users/${id}/password-reset`)
  await service.browser().post('/auth/password/reset', { token: body.token, password })
  await root.patch(`/admin/users/${id}`, { name: 'Bob', roles: ['editor'], disabled: true })
  await root.patch(`/admin/users/${id}`, { disabled: false })
  await root.post(`/admin/users/${id}/unlock`)
  await service.app.accounts.promote('bob@example.com', nobody)
  await root.delete(`/admin/users/${id}`)
  await root.delete('/admin/roles/editor')
}

async function walkKeys({ app, clock }: TestApp, root: Browser): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await root.post('/admin/keys')
  const { items } = (await root.get('/admin/keys')).body
  await app.signingKeys.import(pem, nobody)
  await root.delete(`/admin/keys/${encodeURIComponent(items.at(-1).kid)}`)
  clock.advance(31 * DAY)
  await app.signingKeys.maintain()
}

async function walkClients({ app }: TestApp, root: Browser): Promise<void> {
  const { body } = await root.post('/admin/clients', { name: 'robot', scope: 'a' })
  const { body: second } = await root.post(`/admin/clients/${body.id}/secrets`)
  const ask = (url: string, secret: string, form: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url,
      payload: new URLSearchParams(form).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${body.id}:${secret}`).toString('base64')}`
      }
    })
  const issued = await ask('/oauth/token', body.clientSecret, { grant_type: 'client_credentials' })
  await ask('/oauth/revoke', body.clientSecret, { token: issued.json().access_token })
  await ask('/oauth/token', 'wrong', { grant_type: 'client_credentials' })
  await root.delete(`/admin/clients/${body.id}/secrets/${second.id}`)
  await root.patch(`/admin/clients/${body.id}`, { name: 'machine' })
  await root.delete(`/admin/clients/${body.id}`)
}
