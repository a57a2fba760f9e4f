import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { withDeadline } from './deadline.ts'
import { reasonOf } from './reason-of.ts'
import { type Revocation, RevocationSet } from './revocation-set.ts'
import type { RevocationSource } from './sources.ts'
import { steadyClock } from './steady-clock.ts'

/** Seconds that Gatehouse may wait before it answers with an empty page. */
const WAIT = 5
/** Milliseconds without an answer after which the feed counts as lost. */
const MAX_STALENESS = 10_000
const TIMEOUT = (WAIT + 3) * 1000
/** Milliseconds between two requests: normally, after a page without new entries, and after failures. */
const GAP = 50
const GAP_AFTER_REPETITION = 250
const FIRST_RETRY = 100
const LAST_RETRY = 2000

export interface FeedOptions {
  /** The address of the feed: `/oauth/revocations`. */
  url: URL
  /** A bearer token with the scope `revocations:read`. */
  token: () => string | Promise<string>
  /** Called with a token that Gatehouse refused, so that `token` returns another one. */
  discard?: (token: string) => void
  /** While the feed is lost, `closed` refuses every token; `open` accepts each until it expires. */
  whenLost: 'closed' | 'open'
  /** Called once when the feed is lost, and once for each unknown kind. The verifier tries again at least every 2.5 s. */
  onWarning: (warning: Error) => void
  /** Milliseconds since the epoch; `uptime` gives milliseconds on a monotonic clock. */
  clock: () => number
  uptime: () => number
}

export interface RevocationFeed extends RevocationSource {
  /** Resolves after the first try, successful or not. */
  firstTry: Promise<void>
  close(): void
}

type Entry = Record<string, unknown> & { kind: string; id: string; expiresAt: string }

interface FeedPage {
  entries: Entry[]
  cursor: string
}

/** Follows Gatehouse's revocations by long poll. A revocation arrives here a moment later. */
export function followRevocations(options: FeedOptions): RevocationFeed {
  const { whenLost, onWarning, clock, uptime } = options
  const steady = steadyClock(clock, uptime)
  const revoked = new RevocationSet()
  const unknownKinds = new Set<string>()
  const closing = new AbortController()
  const { signal } = closing
  let tried = () => {}
  const firstTry = new Promise<void>((resolve) => {
    tried = resolve
  })
  let readAt = Number.NEGATIVE_INFINITY
  let cursor: string | undefined
  let failures = 0
  let gap = GAP

  async function read(): Promise<void> {
    const page = await withDeadline(signal, TIMEOUT, (deadline) => fetchPage(options, cursor, deadline))
    const before = revoked.size
    for (const entry of page.entries) take(entry)
    // While a transaction stays open in the database, Gatehouse repeats entries.
    gap = page.entries.length > 0 && revoked.size === before ? GAP_AFTER_REPETITION : GAP
    revoked.prune(steady())
    cursor = page.cursor
    readAt = uptime()
    failures = 0
  }

  // Only Gatehouse knows which tokens an entry of an unknown kind concerns. So every older token counts as stale.
  function take(entry: Entry): void {
    const revocation = revocationOf(entry)
    if (revocation) revoked.add(revocation)
    else doubt(entry)
  }

  function doubt(entry: Entry): void {
    const { kind, expiresAt } = entry
    revoked.addUnknown(JSON.stringify(entry), Date.parse(expiresAt), steady())
    if (unknownKinds.has(kind)) return
    unknownKinds.add(kind)
    warn(new Error(`Gatehouse revokes by ${kind}, which this verifier does not know: bring it up to date`))
  }

  function recover(error: unknown): void {
    failures += 1
    // Gatehouse may have refused the cursor. Without one, it sends all revocations from the start.
    cursor = undefined
    if (failures === 1) warn(new Error(`the revocation feed is lost: ${reasonOf(error)}`, { cause: error }))
  }

  // An exception from the service's `onWarning` must not stop the verifier from following.
  function warn(warning: Error): void {
    try {
      onWarning(warning)
    } catch {}
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      try {
        await read()
      } catch (error) {
        if (!signal.aborted) recover(error)
      }
      tried()
      const rest = failures === 0 ? gap : Math.min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY)
      await pause(rest * (1 + Math.random() / 4), undefined, { signal }).catch(() => {})
    }
  }
  follow()

  return {
    statusOf: (claims) => revoked.statusOf(claims),
    isKeyRevoked: (kid) => revoked.isKeyRevoked(kid),
    isCurrent: () => whenLost === 'open' || uptime() - readAt <= MAX_STALENESS,
    firstTry,
    close: () => closing.abort()
  }
}

async function fetchPage(
  { url, token, discard }: FeedOptions,
  cursor: string | undefined,
  deadline: AbortSignal
): Promise<FeedPage> {
  const address = new URL(url)
  if (cursor !== undefined) {
    address.searchParams.set('cursor', cursor)
    address.searchParams.set('wait', String(WAIT))
  }
  const bearer = await before(deadline, token())
  const response = await fetch(address, {
    headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' },
    redirect: 'error',
    signal: deadline
  })
  if (response.status === 401) discard?.(bearer)
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered ${response.status}`)
  }
  return readPage(await response.json())
}

async function before<T>(deadline: AbortSignal, work: T | Promise<T>): Promise<T> {
  const over = once(deadline, 'abort').then(() => {
    throw deadline.reason
  })
  return Promise.race([work, over])
}

function readPage(body: unknown): FeedPage {
  const { entries, cursor } = (body ?? {}) as { entries?: unknown; cursor?: unknown }
  if (!Array.isArray(entries) || typeof cursor !== 'string')
    throw new Error('the answer is no feed of revocations')
  if (!entries.every(isEntry)) throw new Error('the feed has an entry that is none')
  return { entries, cursor }
}

function isEntry(value: unknown): value is Entry {
  const { kind, id, expiresAt } = (value ?? {}) as Record<string, unknown>
  return typeof kind === 'string' && typeof id === 'string' && Number.isFinite(Date.parse(String(expiresAt)))
}

/** Returns the revocation of an entry; undefined if its kind is unknown. */
function revocationOf({ kind, id, minVersion, expiresAt: end }: Entry): Revocation | undefined {
  const expiresAt = Date.parse(end)
  if (kind === 'sid' || kind === 'jti' || kind === 'kid') return { kind, id, expiresAt }
  const isOfVersion = (kind === 'user' || kind === 'client') && typeof minVersion === 'number'
  return isOfVersion ? { kind, id, minVersion, expiresAt } : undefined
}
