import type { Algorithm } from '../../verifier/sources.ts'
import { MINUTE } from '../clock.ts'
import type { SigningKey } from '../model/signing-key.ts'
import { lastTokenExpiry } from '../tokens/access-token.ts'

/** Rules for the schedule of the signing keys. */
export interface KeyRules {
  /** Algorithm of new keys. */
  algorithm: Algorithm
  /** How long a key signs, in milliseconds. */
  rotation: number
}

/** The key that signs at a moment, its successor, and retired keys, whose tokens may not have expired. */
export interface KeySchedule {
  active: SigningKey
  next: SigningKey | undefined
  retired: SigningKey[]
}

export type KeyStatus = 'next' | 'active' | 'retired'

/** Returns every key with its status: the next key first, the key that signed longest ago last. */
export function withStatus({
  active,
  next,
  retired
}: KeySchedule): Array<SigningKey & { status: KeyStatus }> {
  return [
    ...(next ? [{ ...next, status: 'next' as const }] : []),
    { ...active, status: 'active' },
    ...retired.toReversed().map((key) => ({ ...key, status: 'retired' as const }))
  ]
}

/** Changes to make to the keys. `create` holds the time from which each new key signs. */
export interface KeyPlan {
  create: number[]
  activate: Array<{ kid: string; at: number }>
  remove: string[]
}

const LONGEST_MAX_AGE = MINUTE

/** Returns how long clients may cache the JWKS, in milliseconds: a minute, or less if keys rotate within minutes. */
export function jwksMaxAge({ rotation }: Pick<KeyRules, 'rotation'>): number {
  return Math.min(LONGEST_MAX_AGE, rotation / 4)
}

/**
 * Returns the schedule at a moment. It depends on rows and clock alone, so that all instances switch keys at once, without
 * messages. Returns undefined if there is no key yet.
 */
export function scheduleAt(keys: SigningKey[], now: number): KeySchedule | undefined {
  const inOrder = keys.toSorted((a, b) => a.activatesAt - b.activatesAt)
  // The clock of the instance that created the first key may be ahead of this one's.
  const active = inOrder.findLast(({ activatesAt }) => activatesAt <= now) ?? inOrder[0]
  if (!active) return undefined
  const position = inOrder.indexOf(active)
  return { active, next: inOrder[position + 1], retired: inOrder.slice(0, position) }
}

/** Returns until when the JWKS contains a key: until no verifier accepts a token that it signed. */
export function publishedUntil(key: SigningKey, keys: SigningKey[]): number {
  const successors = keys.map(({ activatesAt }) => activatesAt).filter((at) => at > key.activatesAt)
  return lastTokenExpiry(Math.min(...successors))
}

/** Returns from when on a key may sign: by then every cached JWKS contains it. */
function ripeAt(key: SigningKey, keys: SigningKey[], rules: KeyRules): number {
  // Keys of the first start were in the JWKS from the beginning, so they need no lead time. One of them signed at once.
  // A later key signs at once only if it replaces a revoked key, and then it is created alone.
  const isFirst = keys.some(
    ({ createdAt, activatesAt, imported }) =>
      !imported && createdAt === key.createdAt && activatesAt === createdAt
  )
  return isFirst ? key.createdAt : key.createdAt + lead(rules)
}

// Twice the maximum age: once for the caches of clients, once for all instances to read the key.
function lead(rules: KeyRules): number {
  return 2 * jwksMaxAge(rules)
}

/** Plans the first start: a key that signs at once, and its successor. */
export function planFirstKeys(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  return plan({ create: keys.length === 0 ? [now, now + rules.rotation] : [] })
}

/** Plans the regular upkeep: adds a missing successor, and removes keys that can have no valid token. */
export function planUpkeep(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  const schedule = scheduleAt(keys, now)
  if (!schedule) return planFirstKeys(keys, rules, now)
  const { active, next, retired } = schedule
  return plan({
    create: next ? [] : [Math.max(active.activatesAt + rules.rotation, now + lead(rules))],
    remove: retired.filter((key) => publishedUntil(key, keys) <= now).map(({ kid }) => kid)
  })
}

/** Plans a rotation by command: the successor signs now, or as soon as every cached JWKS contains it. */
export function planRotation(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  const schedule = scheduleAt(keys, now)
  if (!schedule) return planFirstKeys(keys, rules, now)
  const { active, next } = schedule
  if (!next) return plan({ create: [now + lead(rules)] })
  const ripe = ripeAt(next, keys, rules)
  if (ripe > now) return plan({ activate: [{ kid: next.kid, at: Math.min(ripe, next.activatesAt) }] })
  const at = Math.max(now, active.activatesAt + 1)
  return plan({ activate: [{ kid: next.kid, at }], create: [at + rules.rotation] })
}

/** Plans a revocation: the key is removed at once. If it was active, the next key or a new one signs from now on. */
export function planRevocation(keys: SigningKey[], kid: string, now: number): KeyPlan {
  const { active, next } = scheduleAt(keys, now) ?? {}
  if (active?.kid !== kid) return plan({ remove: [kid] })
  return next
    ? plan({ remove: [kid], activate: [{ kid: next.kid, at: now }] })
    : plan({ remove: [kid], create: [now] })
}

/**
 * Plans the adaptation to changed settings at start. An active key of another algorithm is succeeded as soon as possible.
 * An imported key may have any algorithm.
 */
export function planAdoption(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  const schedule = scheduleAt(keys, now)
  if (!schedule) return planFirstKeys(keys, rules, now)
  const { active, next } = schedule
  const isWanted = active.imported || active.algorithm === rules.algorithm
  const due = isWanted ? active.activatesAt + rules.rotation : now
  if (next?.algorithm !== rules.algorithm) {
    return plan({ remove: next ? [next.kid] : [], create: [Math.max(due, now + lead(rules))] })
  }
  const at = Math.max(due, ripeAt(next, keys, rules), now, active.activatesAt + 1)
  return plan({ activate: at < next.activatesAt ? [{ kid: next.kid, at }] : [] })
}

function plan(steps: Partial<KeyPlan>): KeyPlan {
  return { create: [], activate: [], remove: [], ...steps }
}

export function isEmpty({ create, activate, remove }: KeyPlan): boolean {
  return create.length + activate.length + remove.length === 0
}
