import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { operator } from '../../commands/operator.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { captureLog } from '../harness/log.ts'

/** What somebody types or pastes into the wrong place. No field takes it for one of its own words. */
const CANARY = 'Cänary "pa$$word" 7f3a9c; and/or token'

/** How it may turn up. */
const DISGUISES = [
  CANARY,
  'pa$$word',
  encodeURIComponent(CANARY),
  Buffer.from(CANARY).toString('base64'),
  Buffer.from(CANARY).toString('base64url')
]

interface Operation {
  method: string
  path: string
  parameters: Array<{ in: string; name: string }>
  contentType: string | undefined
  fields: string[]
}

t.test('what callers write is in no line of the log, no audit row and no refusal', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log, env: { LOG_LEVEL: 'trace' } })
  const { app } = service
  const root = await service.setUp()
  const refusals: string[] = []
  let asked = 0

  async function ask(options: InjectOptions): Promise<void> {
    const answer = await app.inject(options)
    asked += 1
    if (answer.statusCode >= 400) refusals.push(told(answer))
  }

  const callers: Array<() => Record<string, string>> = [
    () => ({}),
    () => ({
      'sec-fetch-site': 'same-origin',
      cookie: `access=${root.value('access')}; session=${root.value('session')}`
    })
  ]
  for (const operation of await operationsOf(service)) {
    // What was asked before may have signed the administrator out.
    t.equal((await root.post('/auth/login', { email: 'root@example.com', password })).status, 200)
    for (const headers of callers) {
      for (const options of plantedIn(operation)) {
        await ask({ ...options, headers: { ...headers(), ...options.headers } })
      }
    }
  }

  const events = await app.store.audit.list({ limit: 10_000, after: undefined })
  t.ok(asked > 500, `${asked} requests`)
  t.ok(refusals.length > 400, `${refusals.length} refused`)
  t.ok(lines.length > asked && events.length > 10)
  const places = {
    log: lines.map((line) => JSON.stringify(line)),
    audit: events.map((event) => JSON.stringify(event)),
    refusals
  }
  for (const [place, texts] of Object.entries(places)) {
    const found = texts.filter((text) => DISGUISES.some((disguise) => text.includes(disguise)))
    t.strictSame(found.slice(0, 3), [], `${found.length} in ${texts.length} of ${place}`)
  }
})

t.test('no real secret is in a line of the log, an audit row or a refusal', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log, env: { LOG_LEVEL: 'trace' } })
  const { app } = service
  const link = await app.accounts.firstAdministrator.issueLink()
  const secrets = new Map<string, string>([
    ['password', password],
    ['set-up token', link?.token ?? '']
  ])
  const root = service.browser()
  await root.post('/auth/setup', { token: link?.token, email: 'root@example.com', password })
  const refusals: string[] = []
  const keep = (name: string, value: string) => secrets.set(`${name} ${secrets.size}`, value)
  const keepCookies = () => {
    keep('access', root.value('access'))
    keep('session', root.value('session'))
    keep('refresh', root.value('refresh'))
  }
  const note = (text: string) => refusals.push(text)

  keepCookies()
  const wrong = 'a wrong password, mistyped'
  keep('wrong password', wrong)
  note((await root.post('/auth/login', { email: 'root@example.com', password: wrong })).text)
  note((await root.post('/auth/login', { email: wrong, password: 'root@example.com' })).text)
  await root.post('/auth/refresh')
  keepCookies()
  keep('csrf', (await root.get('/auth/csrf')).body.csrfToken)
  const next = 'another password of mine'
  keep('next password', next)
  await root.put('/auth/password', { currentPassword: password, newPassword: next })
  keepCookies()
  const made = await root.post('/admin/users', { email: 'bob@example.com' })
  const reset = made.body.passwordLink?.url ?? made.text.match(/#token=([\w-]+)/)?.[1] ?? ''
  keep('one-time link', reset.split('#token=').at(-1) ?? '')
  const { client, made: secret } = await app.clients.create(
    { name: 'machine', scope: ['orders:read'], audiences: [], jwks: [] },
    operator
  )
  keep('client secret', secret?.secret ?? '')
  const basic = Buffer.from(`${client.id}:${secret?.secret}`).toString('base64')
  keep('basic', basic)
  const token = await app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'grant_type=client_credentials'
  })
  keep('machine token', token.json().access_token)
  const refused = [
    { url: '/auth/me', headers: { authorization: `Bearer ${token.json().access_token}` } },
    { url: '/auth/me', headers: { cookie: `access=${secrets.get('access 2')}` } },
    { url: `/auth/${encodeURIComponent(next)}` },
    { url: `/auth/setup/${link?.token}` },
    { url: `/auth/me?access_token=${root.value('access')}` },
    {
      method: 'POST',
      url: '/auth/login',
      payload: `{"password": ${next}`,
      headers: { 'content-type': 'application/json' }
    }
  ] as const
  for (const options of refused) note(told(await app.inject(options as InjectOptions)))
  await root.post('/auth/logout')
  note((await root.get('/auth/me')).text)

  const events = await app.store.audit.list({ limit: 1000, after: undefined })
  const everything = [
    ...lines.map((line) => JSON.stringify(line)),
    ...events.map((event) => JSON.stringify(event)),
    ...refusals
  ].join('\n')
  t.ok(secrets.size > 12 && events.length > 6 && lines.length > 20)
  for (const [name, value] of secrets) {
    t.ok(value.length > 10, `${name} is one`)
    for (const shape of [value, encodeURIComponent(value)]) t.notOk(everything.includes(shape), name)
  }
})

t.test('each authentication event is one line, with whom, how and the request’s id', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log })
  const ada = await service.signUp()
  await ada.post('/auth/login', { email: 'ada@example.com', password: 'not this one, surely' })
  await ada.post('/auth/login', { email: 'ada@example.com', password })
  await ada.post('/auth/reauthenticate', { password })
  await ada.post('/auth/logout')
  const events = lines.filter((line) => 'audit' in line)
  t.strictSame(
    events.map(({ msg }) => msg),
    [
      'account.registered',
      'login.failed',
      'session.ended',
      'login.succeeded',
      'reauthentication.succeeded',
      'session.ended'
    ]
  )
  for (const { requestId } of events) t.equal(typeof requestId, 'string')
})

/** One request for each place of the operation that takes text, with the canary in it. */
function* plantedIn({ method, path, parameters, contentType, fields }: Operation): Generator<InjectOptions> {
  const url = path.replace(/\{(\w+)\}/g, '00000000-0000-7000-8000-000000000000')
  const base = { method: method as 'POST', url }
  const json = (payload: unknown) => ({
    ...base,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(payload)
  })
  const form = (payload: Record<string, string>) => ({
    ...base,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(payload).toString()
  })
  const encoded = encodeURIComponent(CANARY)

  for (const { in: place, name } of parameters) {
    if (place === 'path') yield { ...base, url: path.replace(`{${name}}`, encoded).replace(/\{\w+\}/g, 'x') }
    else yield { ...base, url: `${url}?${name}=${encoded}` }
  }
  yield { ...base, url: `${url}/${encoded}` }
  yield { ...base, url: `${url}?${encoded}=${encoded}` }
  yield { ...base, url: `${url}?token=pa$$word%c0` }
  for (const name of [
    'authorization',
    'x-csrf-token',
    'x-request-id',
    'origin',
    'referer',
    'x-forwarded-for'
  ]) {
    yield { ...base, headers: { [name]: Buffer.from(CANARY).toString('latin1') } }
  }
  for (const scheme of ['Bearer', 'Basic'])
    yield { ...base, headers: { authorization: `${scheme} ${Buffer.from(CANARY).toString('base64')}` } }
  for (const name of ['access', 'refresh', 'session', 'device'])
    yield { ...base, headers: { cookie: `${name}=${encoded}` } }
  if (contentType === undefined) return
  yield { ...base, headers: { 'content-type': 'application/json' }, payload: `{"password": ${CANARY}` }
  yield { ...base, headers: { 'content-type': encoded }, payload: CANARY }
  yield json({ [CANARY]: CANARY })
  yield json(CANARY)
  const isForm = contentType.includes('form')
  for (const field of fields) {
    if (isForm) yield form({ ...filled(fields), [field]: CANARY })
    else
      for (const value of [CANARY, [CANARY], { [CANARY]: CANARY }])
        yield json({ ...filled(fields), [field]: value })
  }
  const all = Object.fromEntries(fields.map((field) => [field, CANARY]))
  yield isForm ? form(all) : json(all)
}

/** Plausible values, so that one field's canary gets past the others' checks. */
function filled(fields: string[]): Record<string, string> {
  const plausible: Record<string, string> = {
    email: 'somebody@example.com',
    password: 'a good long password of mine',
    newPassword: 'a good long password of mine',
    currentPassword: 'a good long password of mine',
    grant_type: 'client_credentials',
    client_id: '00000000-0000-7000-8000-000000000000',
    scope: 'orders:read',
    token: 'x'.repeat(43)
  }
  return Object.fromEntries(fields.flatMap((field) => (plausible[field] ? [[field, plausible[field]]] : [])))
}

async function operationsOf({ app }: TestApp): Promise<Operation[]> {
  const { paths } = (await app.inject('/docs/json')).json()
  return Object.entries<Record<string, Described>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
      const [contentType, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
      return {
        method: method.toUpperCase(),
        path,
        parameters,
        contentType,
        fields: Object.keys(body?.schema.properties ?? {})
      }
    })
  )
}

interface Described {
  parameters?: Operation['parameters']
  requestBody?: { content: Record<string, { schema: { properties?: object } }> }
}

function told({ payload, headers }: LightMyRequestResponse): string {
  return `${JSON.stringify(headers)}\n${payload}`
}
