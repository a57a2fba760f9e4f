import { setTimeout as sleep } from 'node:timers/promises'
import { decodeProtectedHeader } from 'jose'
import { postgres } from '../test/harness/engines.ts'
import { startServer } from '../test/harness/program.ts'
import { createVerifier, type Verifier } from '../verifier/index.ts'
import { withDatabase } from './bed.ts'
import { Browser } from './browser.ts'
import { compare, type Figure, type Result } from './figure.ts'

const ROTATIONS = 20
/** Milliseconds between rotations, the shortest that the settings allow; and the factor of time to allow for all of them. */
const ROTATION = 10_000
const PATIENCE = 1.5
const INSTANCES = 3
const CALLS_AT_ONCE = 2
const ISSUER = 'http://localhost:3000'
const NAME = 'keys rotated every 10 s'

/** What the benchmark saw: tokens, their keys, and how instances and the service answered them. */
interface Seen {
  tokens: string[]
  kids: Set<string>
  calls: number
  refused: number
  verified: number
  refusedOffline: number
  unpublished: number
  copies: Array<{ fetchedAt: number; maxAge: number; kids: string[] }>
}

/**
 * Checks scheduled rotations under load. Three server processes share one PostgreSQL. The tokens of each are sent to all, and
 * verified as an offline service does. The benchmark takes as long as twenty rotations.
 */
export async function benchRotation(): Promise<Result[]> {
  if (postgres.missing) return [{ name: NAME, skipped: postgres.missing }]
  return withDatabase(postgres, async (url) => {
    const env = {
      DATABASE_URL: url,
      AUTH_ISSUER: ISSUER,
      AUTH_MASTER_KEY: Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString('base64url'),
      AUTH_KEY_ROTATION: '10s',
      AUTH_RATE_LIMIT_PER_IP: '0',
      AUTH_LOGIN_LIMIT_PER_IP: '0',
      LOG_LEVEL: 'silent'
    }
    const servers = await Promise.all(Array.from({ length: INSTANCES }, () => startServer(env)))
    try {
      return figuresOf(await watch(servers.map((server) => server.url)))
    } finally {
      await Promise.all(servers.map((server) => server.stop('SIGINT')))
    }
  })
}

async function watch(urls: string[]): Promise<Seen> {
  const seen: Seen = {
    tokens: [],
    kids: new Set(),
    calls: 0,
    refused: 0,
    verified: 0,
    refusedOffline: 0,
    unpublished: 0,
    copies: []
  }
  const deadline = performance.now() + ROTATIONS * ROTATION * PATIENCE
  const goesOn = () => seen.kids.size <= ROTATIONS && performance.now() < deadline
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    url: urls[0] as string,
    revocations: 'none'
  })
  const people = await Promise.all(urls.map((url, index) => register(url, `person-${index}@example.com`)))

  async function repeat(pause: number, work: () => Promise<void>): Promise<void> {
    for (; goesOn(); await sleep(pause)) await work()
  }
  await Promise.all([
    ...urls.map((url) => repeat(200, () => fetchKeys(url, seen))),
    ...people.map((person) => repeat(200, () => refresh(person, verifier, seen))),
    ...urls.flatMap((url) =>
      Array.from({ length: CALLS_AT_ONCE }, () => repeat(5, () => showToken(url, seen)))
    )
  ])
  for (const person of people) person.close()
  if (seen.kids.size <= ROTATIONS) throw new Error(`only ${seen.kids.size - 1} rotations in all that time`)
  return seen
}

async function register(url: string, email: string): Promise<Browser> {
  const browser = new Browser(url, ISSUER)
  await browser.post('/auth/register', 201, { email, password: 'correct horse battery staple' })
  return browser
}

async function fetchKeys(url: string, { copies }: Seen): Promise<void> {
  const fetchedAt = performance.now()
  const response = await fetch(`${url}/.well-known/jwks.json`)
  const { keys } = (await response.json()) as { keys: Array<{ kid: string }> }
  const maxAge = 1000 * Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1])
  copies.push({ fetchedAt, maxAge, kids: keys.map(({ kid }) => kid) })
  while (copies.length > 1000) copies.shift()
}

async function refresh(person: Browser, verifier: Verifier, seen: Seen): Promise<void> {
  const askedAt = performance.now()
  await person.post('/auth/refresh', 200)
  const token = person.cookies.get('access') as string
  const kid = decodeProtectedHeader(token).kid as string
  seen.tokens.push(token)
  seen.kids.add(kid)
  const held = seen.copies.filter(
    (copy) => copy.fetchedAt < askedAt && copy.fetchedAt > askedAt - copy.maxAge
  )
  if (!held.every(({ kids }) => kids.includes(kid))) seen.unpublished += 1
  seen.verified += 1
  await verifier.verify(token).catch(() => {
    seen.refusedOffline += 1
  })
}

/** Sends a random unexpired token, which may be of any instance. */
async function showToken(url: string, seen: Seen): Promise<void> {
  const token = seen.tokens[Math.floor(Math.random() * seen.tokens.length)]
  if (!token || isOver(token)) return
  const response = await fetch(`${url}/auth/me`, { headers: { authorization: `Bearer ${token}` } })
  await response.arrayBuffer()
  if (isOver(token)) return
  seen.calls += 1
  if (response.status !== 200) seen.refused += 1
}

function isOver(token: string): boolean {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  return (JSON.parse(claims) as { exp: number }).exp * 1000 <= Date.now()
}

function figuresOf({ kids, calls, refused, verified, refusedOffline, unpublished }: Seen): Figure[] {
  const note = `${kids.size - 1} rotations`
  const none = (name: string, ours: number, peer: string, of: number) =>
    compare({ name: `${NAME}: ${name}`, unit: '', peer, target: { atMost: 0 }, note }, [{ ours, peer: of }])
  return [
    none('valid tokens refused by instances', refused, 'calls', calls),
    none('valid tokens refused by a service', refusedOffline, 'verified', verified),
    none('tokens by a key not published', unpublished, 'issued', verified)
  ]
}
