import { isDeepStrictEqual } from 'node:util'
import type { KeySource, VerificationKey } from '../../verifier/sources.ts'
import type { Clock, Monotonic } from '../clock.ts'
import type { SigningKey } from '../model/signing-key.ts'
import type { Store } from '../model/store.ts'
import { oneAtATime } from '../one-at-a-time.ts'
import { createSigningKeyLifecycle, type SigningKeyLifecycle } from './lifecycle.ts'
import type { DerivedKey } from './master-key.ts'
import { jwksMaxAge, type KeyRules, type KeySchedule, publishedUntil, scheduleAt } from './schedule.ts'
import { isAltered, type OpenedKey, openKey } from './signing-key.ts'

/** Milliseconds between two reads. An invented `kid` causes no more frequent ones. */
export const POLL_INTERVAL = 250

export interface KeyRing extends KeySource, Pick<SigningKeyLifecycle, 'rotate' | 'import' | 'revoke'> {
  /** Creates the first keys of a new database, and reads the keys. */
  begin(): Promise<void>
  /** Reads the keys again. New keys take effect after all `onChange` listeners have prepared for them. */
  poll(): Promise<void>
  /** Publishes the successor and removes old keys, if that is due. */
  maintain(): Promise<void>
  /** Applies the settings of this service to the keys. A service calls it at start; a command never does. */
  applyRules(): Promise<void>
  /** Returns which keys sign, will sign and have signed, as of now. */
  schedule(): KeySchedule
  /** Returns the keys that the JWKS contains now. */
  published(): VerificationKey[]
  /** Milliseconds for which clients may cache the JWKS. */
  maxAge: number
  /** Calls `prepare` with the keys that sign or will sign: now, and before each change takes effect. */
  onChange(prepare: (keys: OpenedKey[]) => Promise<void>): Promise<void>
}

interface KeyRingParts {
  store: Store
  clock: Clock
  monotonic: Monotonic
  rules: KeyRules
  wrapKeys: DerivedKey
  /** Reads the revocations. */
  pollRevocations: () => Promise<void>
  /** Receives each key that Gatehouse does not use as the database has it. */
  onFault: (kid: string, message: string, error?: unknown) => void
}

/** Keeps the keys of the database in memory. */
export function createKeyRing({
  store,
  clock,
  monotonic,
  rules,
  wrapKeys,
  pollRevocations,
  onFault
}: KeyRingParts): KeyRing {
  const lifecycle = createSigningKeyLifecycle({ store, clock, rules, wrapKeys })
  const listeners: Array<(keys: OpenedKey[]) => Promise<void>> = []
  let keys: SigningKey[] = []
  let signing: OpenedKey[] = []
  let byKid = new Map<string, VerificationKey>()
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: unknown

  const poll = oneAtATime(async () => {
    triedAt = monotonic()
    try {
      const read = await lifecycle.list()
      if (!isDeepStrictEqual(keys, read)) await change(read)
      failure = undefined
    } catch (error) {
      failure = error
      throw error
    }
  })

  async function change(read: SigningKey[]): Promise<void> {
    const schedule = scheduleAt(read, clock())
    if (!schedule) throw new Error('There is no signing key')
    const signs = ({ kid }: { kid: string }) => kid === schedule.active.kid || kid === schedule.next?.kid
    // At start, a signing key that does not open is an error: the master key is another one.
    const isStart = keys.length === 0
    const opened = read.flatMap((key) => open(key, isStart && signs(key)))
    const ready = opened.filter(signs)
    for (const prepare of listeners) await prepare(ready)
    // Reads the revocations before a revoked key disappears: its tokens must be stale, not unknown.
    const left = new Set(read.map(({ kid }) => kid))
    if (keys.some(({ kid }) => !left.has(kid))) await pollRevocations()
    byKid = new Map(read.flatMap(({ kid }) => trusted(kid, opened)))
    signing = ready
    keys = read
  }

  function open(key: SigningKey, isNeeded: boolean): OpenedKey[] {
    try {
      const opened = openKey(key, wrapKeys)
      if (isAltered(key, opened))
        onFault(key.kid, 'a signing key was altered in the database: its seal counts')
      return [opened]
    } catch (error) {
      if (isNeeded) throw error
      onFault(key.kid, 'a signing key cannot be opened: it is not believed', error)
      return []
    }
  }

  // An attacker who writes to the database can add a row that does not open. If the key was known, another instance has
  // resealed it. A known key stays the same object, so that verifiers keep what they prepared for it.
  function trusted(kid: string, opened: OpenedKey[]): Array<[string, VerificationKey]> {
    const known = byKid.get(kid)
    if (known) return [[kid, known]]
    return opened
      .filter((key) => key.kid === kid)
      .map(({ algorithm, publicPem }) => [kid, { kid, algorithm, publicPem }])
  }

  return {
    poll,
    maxAge: jwksMaxAge(rules),
    find: (kid) => byKid.get(kid),
    schedule: () => scheduleAt(keys, clock()) as KeySchedule,
    published: () =>
      keys.flatMap((key) => (publishedUntil(key, keys) > clock() ? (byKid.get(key.kid) ?? []) : [])),

    async begin() {
      await lifecycle.begin()
      await poll()
    },

    async maintain() {
      if (!lifecycle.isDue(keys)) return
      await lifecycle.maintain()
      await poll()
    },

    async applyRules() {
      await lifecycle.applyRules()
      await poll()
    },

    async refresh() {
      if (monotonic() - triedAt >= POLL_INTERVAL) await poll()
      else if (failure) throw failure
    },

    async rotate(caller) {
      await lifecycle.rotate(caller)
      await poll()
    },

    async import(text, caller) {
      const key = await lifecycle.import(text, caller)
      await poll()
      return key
    },

    async revoke(kid, caller) {
      await lifecycle.revoke(kid, caller)
      await poll()
    },

    async onChange(prepare) {
      await prepare(signing)
      listeners.push(prepare)
    }
  }
}
