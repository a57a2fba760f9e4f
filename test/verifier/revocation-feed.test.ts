import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Following, Verifier } from '../../verifier/index.ts'
import { followRevocations } from '../../verifier/revocation-feed.ts'
import { verifierFor } from './gatehouse.ts'
import {
  type Handler,
  hang,
  hangUp,
  type Impostor,
  impersonate,
  json,
  person,
  redirect,
  text,
  trickle
} from './impostor.ts'
import { createKey, eventually, outcomeOf, refusedAs } from './tokens.ts'

const EXPIRES = new Date(Date.now() + 3_600_000).toISOString()
const good = { auth: { subject: 'ada' } }

// The tests that wait for a time-out do so side by side.
t.jobs = 8

function follow(t: Test, impostor: Impostor, options: Partial<Following> = {}) {
  const warnings: string[] = []
  const verifier = verifierFor(t, impostor, {
    revocations: { token: 'a-token', ...options },
    onWarning: ({ message }) => warnings.push(message)
  })
  return { verifier, warnings, outcome: (token = impostor.token()) => outcomeOf(verifier.verify(token)) }
}

/** A feed that answers a snapshot at once, and then waits for a test to say what is new. */
function longPoll(snapshot: unknown[] = []) {
  let waiting: ServerResponse | undefined
  let told = 0
  const answer = (response: ServerResponse, entries: unknown[]) => {
    told += 1
    response.writeHead(200).end(JSON.stringify({ entries, cursor: `cursor-${told}` }))
  }
  const handler: Handler = ({ url }, response) => {
    if (!url?.includes('cursor=')) return answer(response, snapshot)
    waiting = response
  }
  return {
    handler,
    async tell(...entries: unknown[]) {
      await eventually(() => waiting !== undefined)
      answer(waiting as ServerResponse, entries)
      waiting = undefined
      await eventually(() => waiting !== undefined)
    }
  }
}

const bad: Record<string, [handler: Handler, reason: RegExp]> = {
  '401': [json({ code: 'unauthorized' }, 401), /answered 401$/],
  '403': [json({ code: 'forbidden' }, 403), /answered 403$/],
  '400': [json({ code: 'invalid_request' }, 400), /answered 400$/],
  '429': [json({ code: 'rate_limited' }, 429), /answered 429$/],
  '500': [text('', 500), /answered 500$/],
  '503': [json({ code: 'unavailable' }, 503), /answered 503$/],
  '204': [(_request, response) => response.writeHead(204).end(), /answered 204$/],
  'no JSON': [text('<html>'), /JSON/],
  nothing: [text(''), /JSON/],
  null: [json(null), /no feed of revocations$/],
  'no feed': [json({}), /no feed of revocations$/],
  'without a cursor': [json({ entries: [] }), /no feed of revocations$/],
  'with entries of another type': [json({ entries: {}, cursor: 'x' }), /no feed of revocations$/],
  'with an entry without an id': [
    json({ entries: [{ kind: 'sid', expiresAt: EXPIRES }], cursor: 'x' }),
    /an entry that is none$/
  ],
  'with an entry without an end': [
    json({ entries: [{ kind: 'sid', id: 'x' }], cursor: 'x' }),
    /an entry that is none$/
  ],
  'with an entry that is null': [json({ entries: [null], cursor: 'x' }), /an entry that is none$/],
  'a broken connection': [hangUp, /fetch failed/]
}

for (const [name, [handler, reason]] of Object.entries(bad)) {
  t.test(`an answer ${name}: closed is 503, open goes on, the owner is told once`, async (t) => {
    const impostor = await impersonate(t)
    impostor.feed = handler
    const closed = follow(t, impostor)
    const open = follow(t, impostor, { whenLost: 'open' })
    t.strictSame(await closed.outcome(), refusedAs('unavailable'))
    t.match(await open.outcome(), good)
    await eventually(() => impostor.bearers.length >= 6)
    for (const { warnings } of [closed, open]) {
      t.equal(warnings.length, 1)
      t.match(warnings[0], /^the revocation feed is lost: /)
      t.match(warnings[0], reason)
    }
    impostor.feed = longPoll([{ kind: 'sid', id: 'other', expiresAt: EXPIRES }]).handler
    await eventually(async () => 'auth' in (await closed.outcome()))
    t.strictSame(await closed.outcome(impostor.token({ sid: 'other' })), refusedAs('unauthorized'))
  })
}

for (const [name, handler] of Object.entries({ 'is silent': hang, 'never ends': trickle })) {
  t.test(`an answer that ${name} is given up after 8 s`, { buffered: true }, async (t) => {
    const impostor = await impersonate(t)
    impostor.feed = handler
    const { outcome, warnings } = follow(t, impostor)
    const startedAt = performance.now()
    t.strictSame(await outcome(), refusedAs('unavailable'))
    const took = performance.now() - startedAt
    t.ok(took > 7900 && took < 10_000, `${took} ms`)
    t.equal(warnings.length, 1)
    t.match(warnings[0], /no answer within 8000 ms/)
  })
}

t.test('a redirect is not followed, and takes the token nowhere', async (t) => {
  const [impostor, other] = [await impersonate(t), await impersonate(t)]
  impostor.feed = redirect(`${other.issuer}/oauth/revocations`)
  const { outcome, warnings } = follow(t, impostor)
  t.strictSame(await outcome(), refusedAs('unavailable'))
  t.match(warnings, [/redirect/])
  t.strictSame(other.requests, [])
})

t.test('it asks for everything at first, and then for what is new', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  const { verifier } = follow(t, impostor)
  await verifier.ready()
  await feed.tell()
  await feed.tell()
  const asked = impostor.requests.filter((url) => url.startsWith('/oauth'))
  t.strictSame(asked, [
    '/oauth/revocations',
    '/oauth/revocations?cursor=cursor-1&wait=5',
    '/oauth/revocations?cursor=cursor-2&wait=5',
    '/oauth/revocations?cursor=cursor-3&wait=5'
  ])
  t.strictSame(new Set(impostor.bearers), new Set(['Bearer a-token']))
})

t.test('a function is asked for the token before every request', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  let count = 0
  const { verifier } = follow(t, impostor, {
    token: async () => {
      count += 1
      return `token-${count}`
    }
  })
  await verifier.ready()
  await feed.tell()
  t.strictSame(impostor.bearers, ['Bearer token-1', 'Bearer token-2', 'Bearer token-3'])
})

t.test('a function that gets no token loses the feed until it gets one', async (t) => {
  const impostor = await impersonate(t)
  let fails = true
  const { outcome, warnings } = follow(t, impostor, {
    token: () => {
      if (fails) throw new Error('no token today')
      return 'a-token'
    }
  })
  t.strictSame(await outcome(), refusedAs('unavailable'))
  t.strictSame(warnings, ['the revocation feed is lost: no token today'])
  t.strictSame(impostor.bearers, [])
  fails = false
  await eventually(async () => 'auth' in (await outcome()))
})

t.test(
  'a function that never gets its token keeps nobody waiting for longer than a silent Gatehouse',
  async (t) => {
    const impostor = await impersonate(t)
    const { verifier } = follow(t, impostor, { token: () => new Promise(() => {}) })
    const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'still waiting').unref())
    t.not(await Promise.race([verifier.ready(), late]), 'still waiting')
  }
)

t.test('a cursor that is refused is dropped: everything is told anew', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  const { verifier, outcome, warnings } = follow(t, impostor)
  await verifier.ready()
  await feed.tell()
  t.match(await outcome(), good)
  const fresh = longPoll([{ kind: 'sid', id: 'session', expiresAt: EXPIRES }])
  impostor.feed = (request, response) =>
    request.url?.includes('cursor=cursor-3')
      ? json({}, 400)(request, response)
      : fresh.handler(request, response)
  await feed.tell().catch(() => {})
  await eventually(async () => 'code' in (await outcome()))
  t.strictSame(await outcome(), refusedAs('unauthorized'))
  t.match(warnings, [/answered 400$/])
})

t.test('each kind is told apart', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  const { outcome, warnings } = follow(t, impostor)
  t.match(await outcome(), good)
  await feed.tell(
    { kind: 'sid', id: 'ada', expiresAt: EXPIRES, more: 1 },
    { kind: 'kid', id: 'another', expiresAt: EXPIRES },
    { kind: 'jti', id: 'token-1', expiresAt: EXPIRES },
    { kind: 'sid', id: 'session-1', expiresAt: EXPIRES },
    { kind: 'user', id: 'bob', minVersion: 3, expiresAt: EXPIRES }
  )
  t.match(await outcome(), good)
  t.strictSame(await outcome(impostor.token({ jti: 'token-1' })), refusedAs('unauthorized'))
  t.strictSame(await outcome(impostor.token({ sid: 'session-1' })), refusedAs('unauthorized'))
  t.strictSame(await outcome(impostor.token({ sub: 'bob', ver: 2 })), refusedAs('token_stale'))
  t.match(await outcome(impostor.token({ sub: 'bob', ver: 3 })), { auth: { subject: 'bob' } })
  t.strictSame(warnings, [])
})

t.test(
  'F8: a revoked key is refused as stale, seen before or not, while the JWKS shows it still',
  async (t) => {
    const impostor = await impersonate(t)
    const other = createKey('other')
    impostor.jwks = json({ keys: [impostor.key.jwk, other.jwk] })
    const feed = longPoll()
    impostor.feed = feed.handler
    const { outcome } = follow(t, impostor)
    t.match(await outcome(), good)
    await feed.tell({ kind: 'kid', id: impostor.key.kid, expiresAt: EXPIRES })
    t.strictSame(await outcome(), refusedAs('token_stale'), 'seen before')
    t.strictSame(await outcome(impostor.token({ jti: 'another' })), refusedAs('token_stale'), 'never seen')
    t.match(await outcome(other.sign(person(impostor.issuer))), good, 'another key goes on to count')
    const fetches = impostor.fetches()
    for (let n = 0; n < 100; n += 1) await outcome(impostor.token({ jti: `forged-${n}` }))
    t.equal(impostor.fetches(), fetches, 'and nothing is asked for it')
  }
)

t.test('a revoked key stays so, however much time goes by and whatever the clock says', async (t) => {
  const impostor = await impersonate(t)
  let now = Date.now()
  const feed = longPoll([{ kind: 'kid', id: impostor.key.kid, expiresAt: EXPIRES }])
  impostor.feed = feed.handler
  const verifier = verifierFor(t, { ...impostor, clock: () => now }, { revocations: { token: 'x' } })
  const fresh = () => {
    const iat = Math.floor(now / 1000)
    return outcomeOf(verifier.verify(impostor.token({ iat, exp: iat + 300 })))
  }
  t.strictSame(await fresh(), refusedAs('token_stale'))
  now += 100 * 86_400_000
  await feed.tell({ kind: 'sid', id: 'other', expiresAt: new Date(now + 1000).toISOString() })
  t.strictSame(await fresh(), refusedAs('token_stale'))
})

const unreadable: Record<string, object> = {
  'of a kind that is not known': { kind: 'planet', id: 'earth', expiresAt: EXPIRES },
  'of a client, without a version': { kind: 'client', id: 'x', expiresAt: EXPIRES },
  'of a user, whose version is text': { kind: 'user', id: 'x', minVersion: '9', expiresAt: EXPIRES }
}
for (const [name, entry] of Object.entries(unreadable)) {
  t.test(`an entry ${name} makes tokens of before stale, newer ones count, the owner is told`, async (t) => {
    const impostor = await impersonate(t)
    const start = Math.floor(Date.now() / 1000)
    let now = start * 1000 + 500
    const feed = longPoll()
    impostor.feed = feed.handler
    const warnings: string[] = []
    const verifier = verifierFor(
      t,
      { ...impostor, clock: () => now },
      { revocations: { token: 'x' }, onWarning: ({ message }) => warnings.push(message) }
    )
    const issued = (iat: number) => outcomeOf(verifier.verify(impostor.token({ iat, exp: iat + 300 })))
    t.match(await issued(start - 10), good)
    await feed.tell(entry)
    t.strictSame(await issued(start - 10), refusedAs('token_stale'))
    t.strictSame(await issued(start), refusedAs('token_stale'), 'issued in the same second')
    t.match(await issued(start + 1), good, 'issued since')
    now += 5000
    await feed.tell(entry, { kind: 'sid', id: 'other', expiresAt: EXPIRES })
    t.match(await issued(start + 1), good, 'told again it is no news')
    t.equal(warnings.length, 1)
    t.match(warnings[0], /^Gatehouse revokes by (planet|client|user), which this verifier does not know/)
  })
}

t.test('a wall clock that jumps does not shorten the life of an entry', async (t) => {
  const impostor = await impersonate(t)
  let [now, uptime] = [Date.now(), 0]
  const feed = longPoll([{ kind: 'sid', id: 'session', expiresAt: new Date(now + 60_000).toISOString() }])
  impostor.feed = feed.handler
  const followed = followRevocations({
    url: new URL('/oauth/revocations', impostor.issuer),
    token: () => 'x',
    whenLost: 'open',
    onWarning() {},
    clock: () => now,
    uptime: () => uptime
  })
  t.teardown(() => followed.close())
  await followed.firstTry
  const status = () => followed.statusOf({ jti: 'token', sub: 'ada', sid: 'session' })

  for (const jump of [90_000, 7_200_000, 259_200_000, -90_000, -7_200_000, -259_200_000]) {
    now += jump
    await feed.tell()
    now -= jump
    await feed.tell()
    t.equal(status(), 'revoked', `after a jump of ${jump} ms`)
  }
  now += 59_999
  uptime += 59_999
  await feed.tell()
  t.equal(status(), 'revoked')
  now += 1
  uptime += 1
  await feed.tell()
  t.equal(status(), 'valid')
})

t.test('a feed that never holds its answer back is asked some 20 times a second', async (t) => {
  const impostor = await impersonate(t)
  await follow(t, impostor).verifier.ready()
  const before = impostor.bearers.length
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const asked = impostor.bearers.length - before
  t.ok(asked >= 2 && asked <= 21, `${asked} times`)
})

t.test('closed refuses after 10 s without an answer to the millisecond, open never', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  let uptime = 5000
  const options = {
    url: new URL('/oauth/revocations', impostor.issuer),
    token: () => 'x',
    onWarning() {},
    clock: Date.now,
    uptime: () => uptime
  }
  const closed = followRevocations({ ...options, whenLost: 'closed' })
  t.teardown(() => closed.close())
  t.equal(closed.isCurrent(), false, 'nothing was read yet')
  await closed.firstTry
  t.equal(closed.isCurrent(), true)
  uptime += 10_000
  t.equal(closed.isCurrent(), true)
  uptime += 1
  t.equal(closed.isCurrent(), false)
  await feed.tell()
  t.equal(closed.isCurrent(), true, 'an answer without news is an answer')
  const open = followRevocations({ ...options, whenLost: 'open' })
  t.teardown(() => open.close())
  t.equal(open.isCurrent(), true)
  uptime += 86_400_000
  t.equal(open.isCurrent(), true)
})

t.test('nothing is asked any more once it is closed', async (t) => {
  const impostor = await impersonate(t)
  const feed = longPoll()
  impostor.feed = feed.handler
  const { verifier, warnings } = follow(t, impostor)
  await verifier.ready()
  await feed.tell()
  verifier.close()
  const asked = impostor.requests.length
  await new Promise((resolve) => setTimeout(resolve, 500))
  t.equal(impostor.requests.length, asked)
  t.strictSame(warnings, [], 'and that it was closed is no loss')
  verifier.close()
})

for (const [name, handler] of Object.entries({ 'waits for news': undefined, 'is lost': hangUp })) {
  t.test(
    `a process ends by itself once its verifier is closed, while the feed ${name}`,
    { buffered: true },
    async (t) => {
      const impostor = await impersonate(t)
      impostor.feed = handler ?? longPoll().handler
      const module = new URL('../../verifier/index.ts', import.meta.url)
      const script = `
      import { createVerifier } from '${module}'
      const issuer = '${impostor.issuer}'
      const verifier = createVerifier({ issuer, audience: issuer, revocations: { token: 'x' } })
      await verifier.ready()
      setTimeout(() => { verifier.close(); console.log('closed', Date.now()) }, 300)`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
      const ended = once(child, 'close').then(([code]) => ({ code, at: Date.now() }))
      const [, closedAt] = /closed (\d+)/.exec(await textOf(child.stdout)) ?? []
      const { code, at } = await ended
      t.equal(code, 0)
      t.ok(at - Number(closedAt) < 1500, `${at - Number(closedAt)} ms`)
    }
  )
}

t.test('one that follows keeps its process alive', async (t) => {
  const impostor = await impersonate(t)
  impostor.feed = json({ entries: [], cursor: 'x' })
  const module = new URL('../../verifier/index.ts', import.meta.url)
  const script = `
    import { createVerifier } from '${module}'
    createVerifier({ issuer: '${impostor.issuer}', audience: 'x', revocations: { token: 'x' } })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill()
    await ended
  })
  const stayed = new Promise((resolve) => setTimeout(resolve, 2000, 'alive'))
  t.equal(await Promise.race([ended, stayed]), 'alive')
})

t.test('without onWarning the process warns', async (t) => {
  const impostor = await impersonate(t)
  impostor.feed = json({}, 403)
  const warned = once(process, 'warning')
  const { issuer } = impostor
  const options = { revocations: { token: 'x' }, onWarning: undefined }
  const verifier: Verifier = verifierFor(t, { issuer }, options)
  await verifier.ready()
  const [warning] = await warned
  t.match(warning.message, /^the revocation feed is lost: .* answered 403$/)
})

t.test('an owner that fails when it is told ends nothing', async (t) => {
  const impostor = await impersonate(t)
  impostor.feed = text('no feed')
  const followed = follow(t, impostor)
  followed.warnings.push = () => {
    throw new Error('the log is full')
  }
  t.strictSame(await followed.outcome(), refusedAs('unavailable'))
  impostor.feed = longPoll([{ kind: 'sid', id: 'other', expiresAt: EXPIRES }]).handler
  await eventually(async () => 'auth' in (await followed.outcome()))
  t.pass('it goes on')
})
