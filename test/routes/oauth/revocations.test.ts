import t, { type Test } from 'tap'
import type { Answer, Browser } from '../../harness/browser.ts'
import { build, type TestApp } from '../../harness/build.ts'
import { engines, postgres } from '../../harness/engines.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import { wiredPostgres } from '../../harness/wired-postgres.ts'

const FEED = '/oauth/revocations'
const JWT = /^[\w-]+\.([\w-]+)\./
const AFTER_THE_LAST_TOKEN = 3_600_000 + 65_000

const claimsOf = (window: Browser) =>
  JSON.parse(Buffer.from(JWT.exec(window.value('access'))?.[1] ?? '', 'base64url').toString())

/** Everything that a good answer is, but for the cursor. */
function feedOf({ status, headers, cookies, body }: Answer) {
  const { cursor, ...rest } = body
  return {
    status,
    type: headers['content-type'],
    cache: headers['cache-control'],
    cookies,
    cursor: typeof cursor,
    body: rest
  }
}

function feed(...entries: object[]) {
  return {
    status: 200,
    type: 'application/json; charset=utf-8',
    cache: 'no-store',
    cookies: [],
    cursor: 'string',
    body: { entries }
  }
}

/** Reads the feed at this instance as somebody who has the scope. */
function reader({ browser }: Pick<TestApp, 'browser'>, root: Browser) {
  return (query = '') => browser().get(`${FEED}${query}`, cookieOf(root))
}

function cookieOf(window: Browser) {
  return { cookie: `access=${window.value('access')}; session=${window.value('session')}` }
}

function sid(clock: () => number, id: string) {
  return { kind: 'sid', id, expiresAt: new Date(clock() + AFTER_THE_LAST_TOKEN).toISOString() }
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now()
  return [await work, performance.now() - startedAt]
}

for (const engine of engines) {
  t.test(`the feed on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const first = await build(t, { engine })
    const { app, clock } = first
    const root = await first.setUp()
    const read = reader(first, root)

    /** Signs somebody new in and out; what the feed must say of it. */
    async function signOut(email: string) {
      const window = await first.signUp(email)
      const entry = sid(clock, claimsOf(window).sid)
      t.equal((await window.post('/auth/logout')).status, 204)
      return entry
    }

    await t.test('without a cursor it tells all that is revoked, at once', async (t) => {
      t.strictSame(feedOf(await read()), feed())
      const ada = await signOut('ada@example.com')
      const bob = await signOut('bob@example.com')
      await app.revocations.poll()
      const [answer, took] = await timed(read('?wait=30'))
      t.strictSame(feedOf(answer), feed(ada, bob))
      t.ok(took < 1000, 'there is nothing to wait for without a cursor')
    })

    await t.test('with a cursor it tells what is new since, and the next cursor', async (t) => {
      const start = (await read()).body.cursor
      t.strictSame(feedOf(await read(`?cursor=${start}`)), feed())
      const eve = await signOut('eve@example.com')
      await app.revocations.poll()
      const news = await read(`?cursor=${start}`)
      t.strictSame(feedOf(news), feed(eve))
      t.strictSame(feedOf(await read(`?cursor=${start}`)), feed(eve), 'an old cursor is good again')
      t.strictSame(feedOf(await read(`?cursor=${news.body.cursor}`)), feed())
    })

    await t.test('a change of roles is a version, a ban ends sessions, too', async (t) => {
      const window = await first.signUp('carol@example.com')
      const { sub, sid: session } = claimsOf(window)
      const expiresAt = new Date(clock() + AFTER_THE_LAST_TOKEN).toISOString()
      let { cursor } = (await read()).body
      await root.post('/admin/roles', { name: `buyer-${engine.name}`, description: 'Buys', scope: 'a:b' })
      await root.patch(`/admin/users/${sub}`, { roles: ['user', `buyer-${engine.name}`] })
      await app.revocations.poll()
      const roles = await read(`?cursor=${cursor}`)
      t.strictSame(feedOf(roles), feed({ kind: 'user', id: sub, minVersion: 2, expiresAt }))
      cursor = roles.body.cursor
      await root.patch(`/admin/users/${sub}`, { disabled: true })
      await app.revocations.poll()
      const banned = (await read(`?cursor=${cursor}`)).body.entries
      t.strictSame(
        banned.toSorted((a: { kind: string }, b: { kind: string }) => a.kind.localeCompare(b.kind)),
        [
          { kind: 'sid', id: session, expiresAt },
          { kind: 'user', id: sub, minVersion: 3, expiresAt }
        ]
      )
    })

    await t.test('with wait it answers as soon as there is news', async (t) => {
      for (let round = 0; round < 5; round += 1) {
        const window = await first.signUp(`waits-${round}@example.com`)
        const { cursor } = (await read()).body
        const waiting = timed(
          read(`?cursor=${cursor}&wait=20`).then((answer) => ({ answer, at: performance.now() }))
        )
        await new Promise((resolve) => setTimeout(resolve, 50))
        await window.clone().post('/auth/logout')
        const revokedAt = performance.now()
        const [{ answer, at }] = await waiting
        t.strictSame(feedOf(answer), feed(sid(clock, claimsOf(window).sid)))
        t.ok(at - revokedAt < 250, `${Math.round(at - revokedAt)} ms`)
      }
    })

    await t.test('a hundred who wait are all told', async (t) => {
      const window = await first.signUp('hundred@example.com')
      const { cursor } = (await read()).body
      const waiting = Array.from({ length: 100 }, () => read(`?cursor=${cursor}&wait=20`))
      await window.clone().post('/auth/logout')
      const expected = feed(sid(clock, claimsOf(window).sid))
      for (const answer of await Promise.all(waiting)) t.strictSame(feedOf(answer), expected)
    })

    await t.test('somebody who renames themselves again and again is one entry', async (t) => {
      const window = await first.signUp('renamed@example.com')
      const { cursor } = (await read()).body
      for (let n = 0; n < 30; n += 1)
        t.equal((await window.patch('/auth/me', { name: `Name ${n}` })).status, 200)
      await app.revocations.poll()
      const { sub, ver } = claimsOf(window)
      const expiresAt = new Date(clock() + AFTER_THE_LAST_TOKEN).toISOString()
      t.strictSame(
        feedOf(await read(`?cursor=${cursor}`)),
        feed({ kind: 'user', id: sub, minVersion: ver, expiresAt })
      )
      const { entries } = await app.store.revocations.since(0, clock())
      t.equal(entries.filter(({ revocation }) => revocation.id === sub).length, 1, 'one row in the table')
    })

    await t.test('with wait and no news it answers when the time is over', async (t) => {
      const { cursor } = (await read()).body
      const [answer, took] = await timed(read(`?cursor=${cursor}&wait=1`))
      t.strictSame(feedOf(answer), feed())
      t.ok(took >= 990 && took < 2000, `${took} ms`)
      const [, atOnce] = await timed(read(`?cursor=${cursor}&wait=0`))
      t.ok(atOnce < 500)
    })

    await t.test('a cursor of another instance on the same database holds', async (t) => {
      const second = await build(t, { env: first.env, clock })
      const readSecond = reader(second, root)
      const all = await read()
      // PostgreSQL tells some of it again where a transaction of anybody's has been open since.
      const isKnown = (answer: Answer) => {
        const known = new Set(all.body.entries.map(({ id }: { id: string }) => id))
        t.ok(answer.body.entries.every(({ id }: { id: string }) => known.has(id)))
      }
      const arrived = await readSecond(`?cursor=${all.body.cursor}`)
      t.equal(arrived.status, 200)
      isKnown(arrived)

      const there = await signOut('there@example.com')
      const [answer, took] = await timed(readSecond(`?cursor=${arrived.body.cursor}&wait=10`))
      t.strictSame(feedOf(answer), feed(there))
      t.ok(took < 1000, `${took} ms`)
      all.body.entries.push(there)
      isKnown(await read(`?cursor=${answer.body.cursor}`))
    })

    await t.test(
      'taking turns with two instances a follower misses nothing, and ends up knowing all',
      async (t) => {
        const second = await build(t, { env: first.env, clock })
        const readSecond = reader(second, root)
        let { cursor } = (await read()).body
        const told = new Set<string>()
        const revoked = new Set<string>()
        const windows = []
        for (let n = 0; n < 12; n += 1) windows.push(await first.signUp(`turn-${n}@example.com`))
        const logouts = windows.map(async (window, n) => {
          revoked.add(claimsOf(window).sid)
          await new Promise((resolve) => setTimeout(resolve, n * 50))
          await window.clone().post('/auth/logout')
        })
        for (let turn = 0; turn < 40; turn += 1) {
          const { body } = await (turn % 2 === 0 ? read : readSecond)(`?cursor=${cursor}`)
          for (const { id } of body.entries) told.add(id)
          cursor = body.cursor
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        await Promise.all(logouts)
        await Promise.all([app.revocations.poll(), second.app.revocations.poll()])
        for (const { id } of (await readSecond(`?cursor=${cursor}`)).body.entries) told.add(id)
        t.strictSame(
          [...revoked].filter((id) => !told.has(id)),
          []
        )
      }
    )

    await t.test('what no unexpired token can be concerned by is told no more', async (t) => {
      t.ok((await read()).body.entries.length > 0)
      clock.advance(AFTER_THE_LAST_TOKEN + 1)
      t.equal((await root.post('/auth/refresh')).status, 200)
      await app.revocations.poll()
      t.strictSame(feedOf(await read()), feed())
    })
  })
}

t.test('who asks, and how', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_RATE_LIMIT_PER_IP: '20' } })
  const root = await gatehouse.setUp()
  const ada = await gatehouse.signUp()
  const read = reader(gatehouse, root)

  await t.test('it takes the scope revocations:read', async (t) => {
    t.strictSame(refusalOf(await gatehouse.browser().get(FEED)), refusal(401, 'unauthorized'))
    t.strictSame(refusalOf(await ada.get(FEED)), refusal(403, 'forbidden'))
    t.strictSame(refusalOf(await ada.get(`${FEED}?cursor=x`)), refusal(403, 'forbidden'))
    t.strictSame(feedOf(await root.get(FEED)), feed())
  })

  await t.test('a cursor that is none is refused', async (t) => {
    const error = { pointer: '/cursor', code: 'cursor', detail: 'This is not a cursor of ours.' }
    const { cursor } = (await read()).body
    const [instance, sequence, position] = cursor.split('.')
    for (const text of [
      'x',
      '0',
      '..',
      `${cursor}.0`,
      `${instance}.${sequence}`,
      `${instance}.-1.${position}`,
      `${instance}.${sequence}.1e3`,
      `${instance}.${sequence}.${'9'.repeat(16)}`,
      `${instance}x.${sequence}.${position}`,
      encodeURIComponent("' or 1=1 --")
    ]) {
      t.strictSame(
        refusalOf(await read(`?cursor=${text}`)),
        refusal(400, 'invalid_request', { errors: [error] }),
        text
      )
    }
  })

  await t.test('a query that is none is refused', async (t) => {
    for (const [query, pointer] of [
      ['?wait=31', '/wait'],
      ['?wait=-1', '/wait'],
      ['?wait=x', '/wait'],
      ['?cursor=', '/cursor'],
      ['?cursor=a%0A', '/cursor'],
      [`?cursor=${'x'.repeat(101)}`, '/cursor'],
      ['?since=1', '/since'],
      ['?cursor=a&cursor=b', '/cursor']
    ] as const) {
      const { status, body } = await read(query)
      t.equal(status, 400, query)
      t.match(body, { code: 'invalid_request', errors: [{ pointer }] }, query)
    }
  })

  await t.test('a cursor from ahead of this database, as after a restore, is told everything', async (t) => {
    const window = ada.clone()
    const entry = sid(gatehouse.clock, claimsOf(window).sid)
    await window.post('/auth/logout')
    await gatehouse.app.revocations.poll()
    const { cursor } = (await read()).body
    const [instance, sequence] = cursor.split('.')
    const foreign = '00000000-0000-7000-8000-000000000000'
    for (const ahead of [`${foreign}.1.999999999999999`, `${instance}.${sequence}.999999999999999`])
      t.strictSame(feedOf(await read(`?cursor=${ahead}&wait=5`)), feed(entry), ahead)
  })

  await t.test('no rate limit holds for it', async (t) => {
    for (let n = 0; n < 50; n += 1) if ((await read()).status !== 200) t.fail(`refused after ${n}`)
    t.notOk('x-ratelimit-limit' in (await read()).headers)
  })
})

t.test('one client may have 250 waiting: the next is refused, and is not blind for it', async (t) => {
  const gatehouse = await build(t)
  const root = await gatehouse.setUp()
  const ada = await gatehouse.signUp()
  const read = reader(gatehouse, root)
  const { cursor } = (await read()).body
  const waiting = Array.from({ length: 250 }, () => read(`?cursor=${cursor}&wait=30`))
  await new Promise((resolve) => setTimeout(resolve, 500))
  const refused = await read(`?cursor=${cursor}&wait=30`)
  t.strictSame(refusalOf(refused), refusal(429, 'rate_limited'))
  t.equal(refused.headers['retry-after'], '5')
  t.strictSame(feedOf(await read(`?cursor=${cursor}`)), feed(), 'without waiting it is told')
  const entry = sid(gatehouse.clock, claimsOf(ada).sid)
  await ada.post('/auth/logout')
  for (const answer of await Promise.all(waiting)) t.strictSame(feedOf(answer), feed(entry))
  t.strictSame(feedOf(await read(`?cursor=${cursor}&wait=30`)), feed(entry))
})

t.test('who waits is answered at once when Gatehouse closes', async (t) => {
  const gatehouse = await build(t)
  const root = await gatehouse.setUp()
  const address = await gatehouse.app.listen({ host: '127.0.0.1', port: 0 })
  const headers = cookieOf(root)
  const start = (await (await fetch(address + FEED, { headers })).json()) as { cursor: string }
  const waiting = fetch(`${address}${FEED}?cursor=${start.cursor}&wait=30`, { headers })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const [, took] = await timed(gatehouse.app.close())
  const answer = await waiting
  t.equal(answer.status, 200)
  t.strictSame(await answer.json(), { entries: [], cursor: start.cursor })
  t.ok(took < 1000, `${took} ms`)
})

t.test('who hangs up while waiting costs nothing and harms nobody', async (t) => {
  const gatehouse = await build(t)
  const root = await gatehouse.setUp()
  const address = await gatehouse.app.listen({ host: '127.0.0.1', port: 0 })
  const headers = cookieOf(root)
  const { cursor } = (await (await fetch(address + FEED, { headers })).json()) as { cursor: string }
  const gone = new AbortController()
  const { signal } = gone
  const waiting = Array.from({ length: 50 }, () =>
    fetch(`${address}${FEED}?cursor=${cursor}&wait=30`, { headers, signal }).catch(() => 'gone')
  )
  await new Promise((resolve) => setTimeout(resolve, 200))
  gone.abort()
  t.strictSame(new Set(await Promise.all(waiting)), new Set(['gone']))
  t.strictSame(feedOf(await reader(gatehouse, root)()), feed())
})

t.test(
  'an instance that cannot read the database does not say that there is no news',
  { skip: postgres.missing },
  async (t) => {
    const { wire, url } = await wiredPostgres(t)
    let monotonic = 0
    const gatehouse = await build(t, { env: { DATABASE_URL: url }, monotonic: () => monotonic })
    const root = await gatehouse.setUp()
    const read = reader(gatehouse, root)
    const { cursor } = (await read()).body
    await gatehouse.app.revocations.poll()
    wire.cut()
    monotonic += 2000
    t.strictSame(feedOf(await read(`?cursor=${cursor}`)), feed(), 'for 2 s')
    monotonic += 1
    for (const query of ['', `?cursor=${cursor}`, `?cursor=${cursor}&wait=1`])
      await blind(t, await read(query))
    wire.mend()
    for (let tries = 0; tries < 12; tries += 1) await gatehouse.app.revocations.poll().catch(() => {})
    t.strictSame(feedOf(await read(`?cursor=${cursor}`)), feed())
  }
)

async function blind(t: Test, answer: Answer): Promise<void> {
  t.strictSame(refusalOf(answer), refusal(503, 'unavailable'))
  t.equal(answer.headers['retry-after'], '1')
}
