import t from 'tap'
import { readRefreshToken } from '../../domain/sessions/refresh-token.ts'
import type { Browser } from '../harness/browser.ts'
import { build, password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const GRACE = 10_000
const PARALLEL = 25
const ROUNDS = 10

const generationOf = (window: Browser) => readRefreshToken(window.value('refresh'))?.generation ?? Number.NaN

/** A window like this one that shows another refresh token. */
function showing(window: Browser, refresh: string): Browser {
  const other = window.clone()
  other.cookies.set('refresh', { value: refresh, path: '/auth' })
  return other
}

async function isLive(window: Browser): Promise<boolean> {
  const statuses = [
    (await window.get('/auth/me')).status,
    (await window.clone().post('/auth/refresh')).status
  ]
  return statuses.every((status) => status === 200)
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine })
    const { clock } = gatehouse
    const administrator = await gatehouse.setUp()

    async function replays(sessionId: string) {
      const { body } = await administrator.get('/admin/audit?type=session.replayed')
      return body.items.filter((event: { sessionId: string }) => event.sessionId === sessionId)
    }

    await t.test('parallel refreshes with one token have one successor and no fork', async (t) => {
      let window = await gatehouse.signUp('parallel@example.com')
      for (let round = 0; round < ROUNDS; round += 1) {
        const windows = Array.from({ length: PARALLEL }, () => window.clone())
        const answers = await Promise.all(windows.map((each) => each.post('/auth/refresh')))
        t.strictSame(new Set(answers.map(({ status }) => status)), new Set([200]), 'all are answered 200')
        t.equal(new Set(windows.map((each) => each.value('refresh'))).size, 1, 'there is one successor')

        const [successor] = windows as [Browser]
        t.equal(generationOf(successor), generationOf(window) + 1, 'the generation moved by one')
        t.equal((await successor.clone().get('/auth/me')).status, 200, 'the new access token works')

        const late = window.clone()
        t.equal((await late.post('/auth/refresh')).status, 200, 'the old token still counts within the grace')
        t.equal(late.value('refresh'), successor.value('refresh'), 'and has the same successor')
        t.equal((await successor.post('/auth/refresh')).status, 200, 'the successor works')
        window = successor
      }
    })

    await t.test('the direct predecessor gets the same successor until the grace is over', async (t) => {
      const window = await gatehouse.signUp('grace@example.com')
      const late = window.clone()
      await window.post('/auth/refresh')
      t.equal((await window.get('/auth/me')).status, 200, 'the successor has been seen')
      clock.advance(GRACE)
      const answer = await late.post('/auth/refresh')
      t.equal(answer.status, 200)
      t.strictSame(answer.cookies.map(({ name }) => name).sort(), ['access', 'refresh', 'session'])
      t.equal(late.value('refresh'), window.value('refresh'))
      t.ok(await isLive(window))
    })

    await t.test('the direct predecessor after the grace ends the session and nothing else', async (t) => {
      const window = await gatehouse.signUp('replayed@example.com')
      const elsewhere = gatehouse.browser()
      await elsewhere.post('/auth/login', { email: 'replayed@example.com', password })
      const thief = window.clone()
      const { session, user } = (await window.post('/auth/refresh')).body
      t.equal((await window.get('/auth/me')).status, 200, 'the successor has been seen')
      clock.advance(GRACE + 1)

      t.strictSame(refusalOf(await thief.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
      t.strictSame(refusalOf(await thief.get('/auth/me')), refusal(401, 'unauthorized'))
      t.ok(await isLive(elsewhere), 'another session of the same user lives on')

      const events = await replays(session.id)
      t.equal(events.length, 1, 'the audit trail says so once')
      t.match(events[0], {
        type: 'session.replayed',
        userId: user.id,
        sessionId: session.id,
        at: new Date(clock()).toISOString(),
        detail: { shown: 0, current: 1 }
      })
    })

    await t.test('a token older than the direct predecessor is a replay even inside the grace', async (t) => {
      const window = await gatehouse.signUp('older@example.com')
      const thief = window.clone()
      await window.post('/auth/refresh')
      const { session } = (await window.post('/auth/refresh')).body
      t.strictSame(refusalOf(await thief.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(refusalOf(await window.post('/auth/refresh')), refusal(401, 'invalid_session'))
      t.strictSame(refusalOf(await window.get('/auth/me')), refusal(401, 'unauthorized'))
      t.match(await replays(session.id), [{ detail: { shown: 0, current: 2 } }])
    })

    await t.test('a replay shown many times at once is written down once', async (t) => {
      const window = await gatehouse.signUp('replays@example.com')
      const thieves = Array.from({ length: 10 }, () => window.clone())
      const { session } = (await window.post('/auth/refresh')).body
      t.equal((await window.get('/auth/me')).status, 200, 'the successor has been seen')
      clock.advance(GRACE + 1)
      const answers = await Promise.all(thieves.map((thief) => thief.post('/auth/refresh')))
      for (const answer of answers) t.strictSame(refusalOf(answer), refusal(401, 'invalid_session'))
      t.equal((await replays(session.id)).length, 1)
    })

    await t.test('a token that was never made by us is refused and ends nothing', async (t) => {
      const window = await gatehouse.signUp('forged@example.com')
      const stranger = await gatehouse.signUp('stranger@example.com')
      while (!/[-_]/.test(window.value('refresh'))) await window.post('/auth/refresh')
      for (const [how, token] of forgeries(window, stranger)) {
        const answer = await showing(window, token).post('/auth/refresh')
        t.strictSame(refusalOf(answer), refusal(401, 'invalid_session'), how)
      }
      t.ok(await isLive(window), 'the session lives on')
      t.ok(await isLive(stranger), 'and so does the other')
    })

    await t.test('a refresh without a cookie, or beside an Authorization header, is refused', async (t) => {
      const window = await gatehouse.signUp('header@example.com')
      t.strictSame(
        refusalOf(await gatehouse.browser().post('/auth/refresh')),
        refusal(401, 'invalid_session')
      )
      const beside = await window.post('/auth/refresh', undefined, {
        authorization: `Bearer ${window.value('access')}`
      })
      t.strictSame(refusalOf(beside), refusal(401, 'invalid_session'))
      t.ok(await isLive(window))
    })
  })
}

function forgeries(window: Browser, stranger: Browser): Array<[string, string]> {
  const token = window.value('refresh')
  const bytes = Buffer.from(token, 'base64url')
  const others = Buffer.from(stranger.value('refresh'), 'base64url')
  const withByte = (at: number, change: (byte: number) => number) => {
    const copy = Buffer.from(bytes)
    copy[at] = change(copy[at] as number) & 0xff
    return copy.toString('base64url')
  }
  const flipped = Array.from(bytes, (_byte, at): [string, string] => [
    `a bit of byte ${at} flipped`,
    withByte(at, (byte) => byte ^ (1 << (at % 8)))
  ])
  return [
    ...flipped,
    ['the next generation', withByte(19, (byte) => byte + 1)],
    ['the generation before', withByte(19, (byte) => byte - 1)],
    ['a byte shorter', bytes.subarray(0, -1).toString('base64url')],
    ['a byte longer', Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url')],
    ['half of it', token.slice(0, token.length / 2)],
    ['empty', ''],
    ['padded', `${token}==`],
    ['in the alphabet of plain base64', token.replaceAll('-', '+').replaceAll('_', '/')],
    ['its spare bits set', respelt(token)],
    ['in hexadecimal', bytes.toString('hex')],
    ['a space inside', `${token.slice(0, 10)} ${token.slice(10)}`],
    ['all zeros', Buffer.alloc(bytes.length).toString('base64url')],
    [
      "this session's id with another's seal",
      Buffer.concat([bytes.subarray(0, 20), others.subarray(20)]).toString('base64url')
    ],
    [
      "another session's id with this one's seal",
      Buffer.concat([others.subarray(0, 20), bytes.subarray(20)]).toString('base64url')
    ],
    ['the access token', window.value('access')]
  ]
}

// 52 bytes leave four bits of the last character unused: with another of them set it decodes to the same bytes.
function respelt(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1) as string)
  return `${token.slice(0, -1)}${alphabet[last ^ 1]}`
}
