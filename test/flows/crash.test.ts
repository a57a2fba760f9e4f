import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { password } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { startServer } from '../harness/program.ts'

const ROUNDS = 2
const WRITERS = 8
const MOST_WRITES = 80
// Most of it goes into starts, and those into a machine that may be busy with other tests.

const QUIET = {
  LOG_LEVEL: 'silent',
  AUTH_RATE_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0',
  // A refresh whose answer was lost in the crash must still count after the new start.
  AUTH_REFRESH_GRACE: '60s'
}

/** What the server has acknowledged of one account, and what it was asked and has not answered. */
interface Account {
  email: string
  cookies: Map<string, string>
  name: string | null
  askedName: string | null
  session: 'live' | 'ending' | 'ended'
}

// Both engines at once: most of the time goes into waiting for starts.
t.jobs = engines.length

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing, buffered: true }, async (t) => {
    await t.test('no acknowledged change is lost by SIGKILL during writes', async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
      const database = await engine.create()
      const env = { ...QUIET, AUTH_DATA_DIR: folder, DATABASE_URL: database.url }
      const accounts: Account[] = []
      let server = await startServer(env)
      t.teardown(async () => {
        await server.stop('SIGKILL')
        await database.remove()
        await rm(folder, { recursive: true, force: true })
      })

      for (let round = 0; round < ROUNDS; round += 1) {
        const written: Account[] = []
        const { url } = server
        const enough = countdown(1 + Math.floor(Math.random() * MOST_WRITES))
        const writers = Array.from({ length: WRITERS }, (_, writer) =>
          write(url, written, (count) => `r${round}w${writer}n${count}@example.com`, enough.count)
        )
        await Promise.race([enough.reached, Promise.all(writers)])
        await setTimeout(Math.random() * 20)
        await server.stop('SIGKILL')
        await Promise.all(writers)
        server = await startServer(env)
        t.strictSame(await lost(server.url, written), [], `round ${round + 1}`)
        accounts.push(...written)
      }

      const ended = accounts.filter(({ session }) => session === 'ended')
      t.comment(`${accounts.length} registrations and ${ended.length} logouts acknowledged`)
      t.ok(accounts.length >= ROUNDS && ended.length > 0, 'there was something to lose')
      t.strictSame(await lost(server.url, accounts), [], 'all of it at the end')
    })
  })
}

/** Resolves when so many writes have been acknowledged: a moment in the middle of writing, however fast the machine. */
function countdown(from: number) {
  let left = from
  let reach = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return {
    reached,
    count() {
      left -= 1
      if (left === 0) reach()
    }
  }
}

/** Makes accounts and changes them, one after another, until the server is gone. */
async function write(
  url: string,
  written: Account[],
  emailOf: (count: number) => string,
  acknowledged: () => void
): Promise<void> {
  try {
    for (let count = 0; ; count += 1) await liveThrough(url, written, emailOf(count), acknowledged)
  } catch (error) {
    // The connection broke, as it must; anything else is a fault of its own.
    if (!(error instanceof TypeError)) throw error
  }
}

/** Registers, renames and refreshes as chance will have it, and signs out in the end. */
async function liveThrough(
  url: string,
  written: Account[],
  email: string,
  acknowledged: () => void
): Promise<void> {
  const cookies = new Map<string, string>()
  const ask = async (status: number, method: string, path: string, body?: object, shown = cookies) => {
    const answer = await send(url, shown, method, path, body)
    if (answer.status !== status) throw new Error(`${path} answered ${answer.status}`)
    acknowledged()
  }
  await ask(201, 'POST', '/auth/register', { email, password })
  const account: Account = { email, cookies, name: null, askedName: null, session: 'live' }
  written.push(account)
  for (let change = 0; Math.random() < 0.75; change += 1) {
    account.askedName = `${email} ${change}`
    await ask(200, 'PATCH', '/auth/me', { name: account.askedName })
    account.name = account.askedName
    await ask(200, 'POST', '/auth/refresh')
  }
  account.session = 'ending'
  await ask(204, 'POST', '/auth/logout', undefined, new Map(cookies))
  account.session = 'ended'
}

/** What of the acknowledged changes a server does not know any more: nothing, one hopes. */
async function lost(url: string, accounts: Account[]): Promise<string[]> {
  const found = await Promise.all(
    accounts.map((account) =>
      account.session === 'live' ? lostOfLive(url, account) : lostOfEnded(url, account)
    )
  )
  return found.flat()
}

async function lostOfLive(url: string, account: Account): Promise<string[]> {
  const refreshed = await send(url, account.cookies, 'POST', '/auth/refresh')
  const { status } = await send(url, account.cookies, 'GET', '/auth/me')
  return [
    ...(status === 200 ? [] : [`${account.email}: the session is gone`]),
    ...(await lostName(refreshed, account))
  ]
}

async function lostOfEnded(url: string, account: Account): Promise<string[]> {
  const { email, cookies, session } = account
  const login = await send(url, new Map(), 'POST', '/auth/login', { email, password })
  const faults = await lostName(login, account)
  if (session === 'ending') return faults
  for (const [method, path] of [
    ['GET', '/auth/me'],
    ['POST', '/auth/refresh']
  ] as const) {
    const { status } = await send(url, new Map(cookies), method, path)
    if (status !== 401) faults.push(`${email}: ${path} answers ${status} after the logout`)
  }
  return faults
}

async function lostName(response: Response, { email, name, askedName }: Account): Promise<string[]> {
  if (response.status !== 200) return [`${email}: ${response.url} answers ${response.status}`]
  const { user } = (await response.json()) as { user: { name: string | null } }
  return user.name === name || user.name === askedName ? [] : [`${email} is called ${user.name}, not ${name}`]
}

/** Sends a request, again if a busy server refused it. Rejects with a TypeError, as fetch does, if the connection breaks. */
async function send(...request: Parameters<typeof sendOnce>): Promise<Response> {
  for (;;) {
    const response = await sendOnce(...request)
    if (response.status !== 503) return response
    await response.body?.cancel()
    await setTimeout(Number(response.headers.get('retry-after')) * 1000)
  }
}

async function sendOnce(
  url: string,
  cookies: Map<string, string>,
  method: string,
  path: string,
  body?: object
): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'sec-fetch-site': 'same-origin',
      cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body && { 'content-type': 'application/json' })
    },
    ...(body && { body: JSON.stringify(body) })
  })
  for (const line of response.headers.getSetCookie()) {
    const [name = '', value = ''] = (line.split(';', 1)[0] as string).split('=')
    cookies.set(name, value)
  }
  return response
}
