import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { MINUTE, SECOND } from '../../domain/clock.ts'
import { deriveKeys } from '../../domain/keys/master-key.ts'
import { openKey } from '../../domain/keys/signing-key.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import type { Browser } from '../harness/browser.ts'
import { build, password, type Teardown, type TestApp } from '../harness/build.ts'
import { type Engine, engines } from '../harness/engines.ts'
import { run, startServer } from '../harness/program.ts'
import { refusal, refusalOf } from '../harness/refusal.ts'

const EX_CONFIG = 78
const FOREIGN =
  /^The master key does not open the signing keys of this database: it belongs to another one\n$/
const operator = { actorId: 'operator', ip: null, userAgent: null, requestId: null }

const newMasterKey = () => randomBytes(48).toString('base64url')
const bearing = (token: string) => ({ authorization: `Bearer ${token}` })

/** The same browser, its next requests sent to another instance. */
function at(service: TestApp, window: Browser, headers?: Record<string, string>): Browser {
  const moved = service.browser(headers)
  for (const [name, cookie] of window.cookies) moved.cookies.set(name, { ...cookie })
  return moved
}

function opensUnder(masterKey: string, keys: SigningKey[]): boolean {
  const { signingKeyWrap } = deriveKeys(Buffer.from(masterKey, 'base64url'))
  try {
    for (const key of keys) openKey(key, signingKeyWrap)
    return true
  } catch {
    return false
  }
}

/** A service under one master key, and how to start it again, or beside itself, under others. */
async function buildUnder(t: Teardown, engine: Engine) {
  const [before, after] = [newMasterKey(), newMasterKey()]
  const first = await build(t, { engine, env: { AUTH_MASTER_KEY: before } })
  const { env, clock } = first
  const start = async (current: string, previous?: string) => {
    const keys = { AUTH_MASTER_KEY: current, ...(previous && { AUTH_MASTER_KEY_PREVIOUS: previous }) }
    const service = await build(t, { env: { ...env, ...keys }, clock })
    await service.app.signingKeys.applyRules()
    return service
  }
  return { before, after, first, clock, start }
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test('a changed master key', async (t) => {
      const { before, after, first, start } = await buildUnder(t, engine)
      const ada = await first.signUp()
      const idle = await first.signUp('idle@example.com')
      const { csrfToken } = (await ada.get('/auth/csrf')).body
      const { active } = first.app.signingKeys.schedule()
      const second = await start(after, before)

      t.test('goes on with the signing keys, sealed under the new one', async (t) => {
        const keys = await second.app.store.signingKeys.list()
        t.equal(keys.length, 2)
        t.ok(opensUnder(after, keys))
        t.notOk(opensUnder(before, keys))
        t.equal(second.app.signingKeys.schedule().active.kid, active.kid)
      })

      t.test('goes on with access tokens', async (t) => {
        const answer = await second.browser().get('/auth/me', bearing(ada.value('access')))
        t.match(answer, { status: 200, body: { user: { email: 'ada@example.com' } } })
      })

      t.test('goes on with CSRF tokens, and hands out new ones', async (t) => {
        const program = at(second, ada, {})
        const rename = (token: string) =>
          program.patch('/auth/me', { name: `Ada ${token.length}` }, { 'x-csrf-token': token })
        t.equal((await rename(csrfToken)).status, 200)
        t.equal((await program.post('/auth/refresh', undefined, { 'x-csrf-token': csrfToken })).status, 200)
        const fresh = (await program.get('/auth/csrf')).body.csrfToken
        t.not(fresh, csrfToken)
        t.equal((await rename(fresh)).status, 200)
        t.strictSame(refusalOf(await rename('x'.repeat(43))), refusal(403, 'cross_site_request'))
        for (const [name, cookie] of program.cookies) ada.cookies.set(name, cookie)
      })

      t.test('goes on with sessions, and without the one before once they were refreshed', async (t) => {
        const window = at(second, ada)
        t.equal((await window.post('/auth/refresh')).status, 200)
        t.equal((await window.get('/auth/me')).status, 200)

        const third = await start(after)
        t.equal((await at(third, window).get('/auth/me')).status, 200)
        t.equal((await at(third, window).post('/auth/refresh')).status, 200)
        t.strictSame(refusalOf(await at(third, idle).post('/auth/refresh')), refusal(401, 'invalid_session'))
        const own = { authorization: `Bearer ${idle.value('access')}` }
        t.equal((await at(third, idle).get('/auth/me')).status, 401, 'its session cookie is worth nothing')
        t.equal((await at(third, idle).get('/auth/me', own)).status, 200, 'an access token lives its time')
      })
    })

    t.test('a command under both master keys seals nothing anew', async (t) => {
      const { before, after, first, clock } = await buildUnder(t, engine)
      const keys = await first.app.store.signingKeys.list()
      const both = { AUTH_MASTER_KEY: after, AUTH_MASTER_KEY_PREVIOUS: before }
      await build(t, { env: { ...first.env, ...both }, clock })
      t.strictSame(await first.app.store.signingKeys.list(), keys)
    })

    t.test('instances under the old and the new master key, each knowing the other', async (t) => {
      const { before, after, clock, start } = await buildUnder(t, engine)
      const old = await start(before, after)
      const renewed = await start(after, before)
      const both = [old, renewed]

      t.test('share one session that goes from one to the other', async (t) => {
        let window = await old.signUp()
        const statuses: number[] = []
        for (let turn = 0; turn < 20; turn += 1) {
          const service = both[turn % 2] as TestApp
          window = at(service, window)
          statuses.push((await window.get('/auth/me')).status, (await window.post('/auth/refresh')).status)
          clock.advance(MINUTE)
        }
        t.strictSame([...new Set(statuses)], [200])
      })

      t.test('take each other’s CSRF tokens', async (t) => {
        const window = await renewed.signUp('csrf@example.com')
        for (const [from, to] of [both, both.toReversed()] as Array<[TestApp, TestApp]>) {
          const { csrfToken } = (await at(from, window).get('/auth/csrf')).body
          const headers = { 'x-csrf-token': csrfToken }
          t.equal((await at(to, window, {}).patch('/auth/me', { name: 'Ada' }, headers)).status, 200)
          await window.post('/auth/refresh')
        }
      })

      t.test('keep two tabs signed in that refresh at once, one at each', async (t) => {
        const window = await old.signUp('tabs@example.com')
        for (let round = 0; round < 10; round += 1) {
          const tabs = both.map((service) => at(service, window))
          const answers = await Promise.all(tabs.map((tab) => tab.post('/auth/refresh')))
          t.strictSame(
            answers.map(({ status }) => status),
            [200, 200]
          )
          for (const tab of tabs) t.equal((await tab.get('/auth/me')).status, 200)
          for (const [name, cookie] of (tabs[round % 2] as Browser).cookies) window.cookies.set(name, cookie)
        }
      })

      t.test('sign by keys that either of them made', async (t) => {
        const window = await old.signUp('keys@example.com')
        for (let round = 0; round < 4; round += 1) {
          clock.advance(10 * MINUTE)
          const maker = both[round % 2] as TestApp
          await maker.app.signingKeys.rotate(operator)
          clock.advance(2 * MINUTE)
          for (const { app } of both) await app.signingKeys.poll()
          const kid = maker.app.signingKeys.schedule().active.kid
          for (const service of both) {
            const moved = at(service, window)
            t.equal((await moved.post('/auth/refresh')).status, 200)
            t.equal(decodeProtectedHeader(moved.value('access')).kid, kid)
            for (const { browser } of both)
              t.equal((await browser().get('/auth/me', bearing(moved.value('access')))).status, 200)
            for (const [name, cookie] of moved.cookies) window.cookies.set(name, cookie)
          }
        }
      })

      t.test('end under the new one alone once the last has started with it', async (t) => {
        const window = at(renewed, await old.signUp('last@example.com'))
        await window.post('/auth/refresh')
        clock.advance(SECOND)
        await start(after, before)
        const alone = await start(after)
        t.ok(opensUnder(after, await alone.app.store.signingKeys.list()))
        t.equal((await at(alone, window).post('/auth/refresh')).status, 200)
      })
    })

    t.test('the real service refuses a wrong previous master key in a line, with 78', async (t) => {
      const { after, first } = await buildUnder(t, engine)
      const wrong = { AUTH_MASTER_KEY: after, AUTH_MASTER_KEY_PREVIOUS: newMasterKey() }
      const { code, stdout, stderr } = await run(['server.ts'], { env: { ...first.env, ...wrong } })
      t.equal(code, EX_CONFIG)
      t.match(stderr, FOREIGN)
      t.notMatch(stdout + stderr, wrong.AUTH_MASTER_KEY_PREVIOUS)
    })
  })
}

t.test('from the generated master key to one of one’s own', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const env = { AUTH_DATA_DIR: folder, AUTH_ISSUER: 'http://localhost:3000', LOG_LEVEL: 'silent' }
  const own = newMasterKey()
  const cookies = new Map<string, string>()

  /** What a browser gets that asks the real service, started with these settings. */
  async function askedUnder(more: Record<string, string>, calls: Array<[string, string, object?]>) {
    const server = await startServer({ ...env, ...more })
    try {
      const statuses: number[] = []
      for (const call of calls) statuses.push(await ask(server.url, ...call))
      return statuses
    } finally {
      await server.stop('SIGINT')
    }
  }

  async function ask(origin: string, method: string, path: string, body?: object): Promise<number> {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(origin + path, {
      method,
      headers: {
        cookie,
        'sec-fetch-site': 'same-origin',
        ...(body && { 'content-type': 'application/json' })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';', 1)[0] as string).split('=')
      cookies.set(name, value)
    }
    return response.status
  }

  const use: Array<[string, string]> = [
    ['GET', '/auth/me'],
    ['POST', '/auth/refresh'],
    ['GET', '/auth/me']
  ]
  const account = { email: 'ada@example.com', password }
  t.strictSame(await askedUnder({}, [['POST', '/auth/register', account]]), [201])
  const file = { AUTH_MASTER_KEY: own, AUTH_MASTER_KEY_PREVIOUS_FILE: join(folder, 'master.key') }
  t.strictSame(await askedUnder(file, use), [200, 200, 200])
  t.strictSame(await askedUnder({ AUTH_MASTER_KEY: own }, use), [200, 200, 200])

  const { code, stderr } = await run(['server.ts'], { env })
  t.equal(code, EX_CONFIG, 'the file that is left alone opens nothing any more')
  t.match(stderr, FOREIGN)
})
