import type { Algorithm } from '../../verifier/sources.ts'
import { MINUTE } from '../clock.ts'
import type { SigningKey } from '../model/signing-key.ts'
import { lastTokenExpiry } from '../tokens/access-token.ts'

/** What the schedule of the signing keys follows. */
export interface KeyRules {
  /** Of the keys that are made. */
  algorithm: Algorithm
  /** How long a key signs, in milliseconds. */
  rotation: number
}

/** Which key signs at a moment, which comes after it, and whose tokens may still be about. */
export interface KeySchedule {
  active: SigningKey
  next: SigningKey | undefined
  retired: SigningKey[]
}

export type KeyStatus = 'next' | 'active' | 'retired'

/** Every key with what it is at that moment: the next one first, the one that signed longest ago last. */
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

/** What is to be done to the keys. `create` has the moment from which each new one signs. */
export interface KeyPlan {
  create: number[]
  activate: Array<{ kid: string; at: number }>
  remove: string[]
}

const LONGEST_MAX_AGE = MINUTE

/** How long others may keep the JWKS, in milliseconds: a minute, or less where keys change within minutes. */
export function jwksMaxAge({ rotation }: Pick<KeyRules, 'rotation'>): number {
  return Math.min(LONGEST_MAX_AGE, rotation / 4)
}

/**
 * The keys at a moment: rows and clock alone say it, so that every instance changes over at once, without a word to the
 * others. Undefined where there is no key yet.
 */
export function scheduleAt(keys: SigningKey[], now: number): KeySchedule | undefined {
  const inOrder = keys.toSorted((a, b) => a.activatesAt - b.activatesAt)
  // The clock of the instance that made the first key may be ahead of ours.
  const active = inOrder.findLast(({ activatesAt }) => activatesAt <= now) ?? inOrder[0]
  if (!active) return undefined
  const position = inOrder.indexOf(active)
  return { active, next: inOrder[position + 1], retired: inOrder.slice(0, position) }
}

/** Until when the JWKS has a key: for as long as a token that it signed may be valid somewhere. */
export function publishedUntil(key: SigningKey, keys: SigningKey[]): number {
  const successors = keys.map(({ activatesAt }) => activatesAt).filter((at) => at > key.activatesAt)
  return lastTokenExpiry(Math.min(...successors))
}

/** From when on a key may sign: everybody's copy of the JWKS has it by then. */
function ripeAt(key: SigningKey, keys: SigningKey[], rules: KeyRules): number {
  // No JWKS was ever without the keys of the first start: one of them signed at once. A later one does so only in place of
  // a revoked key, and is made alone.
  const isFirst = keys.some(
    ({ createdAt, activatesAt, imported }) =>
      !imported && createdAt === key.createdAt && activatesAt === createdAt
  )
  return isFirst ? key.createdAt : key.createdAt + lead(rules)
}

// Twice: once for the copies of others, once for our own instances to have noticed.
function lead(rules: KeyRules): number {
  return 2 * jwksMaxAge(rules)
}

/** First start: a key that signs at once, and its successor. */
export function planFirstKeys(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  return plan({ create: keys.length === 0 ? [now, now + rules.rotation] : [] })
}

/** From time to time: there is always a successor, and what no valid token can be signed by goes. */
export function planUpkeep(keys: SigningKey[], rules: KeyRules, now: number): KeyPlan {
  const schedule = scheduleAt(keys, now)
  if (!schedule) return planFirstKeys(keys, rules, now)
  const { active, next, retired } = schedule
  return plan({
    create: next ? [] : [Math.max(active.activatesAt + rules.rotation, now + lead(rules))],
    remove: retired.filter((key) => publishedUntil(key, keys) <= now).map(({ kid }) => kid)
  })
}

/** By command: the successor signs from now on, or from the moment on when everybody knows it. */
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

/** A revoked key goes at once. If it signs, the next key does from now on, or one that is made. */
export function planRevocation(keys: SigningKey[], kid: string, now: number): KeyPlan {
  const { active, next } = scheduleAt(keys, now) ?? {}
  if (active?.kid !== kid) return plan({ remove: [kid] })
  return next
    ? plan({ remove: [kid], activate: [{ kid: next.kid, at: now }] })
    : plan({ remove: [kid], create: [now] })
}

/**
 * When a service starts: other settings than those that the schedule was made by. A key of another algorithm than the
 * wanted one is followed as soon as may be; an imported one is as it was wanted.
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
