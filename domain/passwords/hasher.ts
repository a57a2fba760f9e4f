import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { Problem } from '../errors.ts'
import { readHash } from './imported/formats.ts'
import { readFastHash, wrap } from './imported/wrapped.ts'

export interface Argon2Cost {
  memoryKib: number
  time: number
  parallelism: number
}

export interface PasswordHasher {
  /** Returns the argon2id hash in PHC form. Throws a Problem `busy` if too many calls wait. */
  hash(password: string): Promise<string>
  /**
   * Compares a password with a hash of Gatehouse or of another system. Without a hash it compares with a dummy hash, so that the
   * work is equal. Throws a Problem `busy`.
   */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Returns a hash of another system as it may be stored: a fast one wrapped in argon2id. Throws a HashRefused. */
  storable(hash: string): Promise<string>
  /** Returns whether the hash is not argon2id, or was made at another cost than the present one. */
  isOutdated(hash: string): boolean
  /** Returns how many hashes run now, and how many wait. */
  load(): { running: number; waiting: number }
}

/** An observer of every hash: how long it waited and then ran, in milliseconds, or that it was refused. */
export interface HashObserver {
  hashed(waited: number, took: number): void
  refused(): void
}

const ARGON2ID = '$argon2id$'
const QUEUE_FACTOR = 64
const RETRY_AFTER = 2

/**
 * Creates an argon2id hasher (RFC 9106) with bounded admission: one hash per core at once, a bounded queue, and an immediate
 * refusal beyond it. A flood of sign-ins can then exhaust neither the memory nor the thread pool.
 */
export async function createPasswordHasher(
  cost: Argon2Cost,
  slots: number = availableParallelism(),
  observer?: HashObserver
): Promise<PasswordHasher> {
  const options = {
    type: argon2.argon2id,
    memoryCost: cost.memoryKib,
    timeCost: cost.time,
    parallelism: cost.parallelism
  } as const
  const { admit, load } = createAdmission(slots, slots * QUEUE_FACTOR, observer)
  const isOutdated = (hash: string) => !hash.startsWith(ARGON2ID) || argon2.needsRehash(hash, options)
  const nobodys = await argon2.hash('nobody has this password', options)

  async function verifyOnce(hash: string | null, candidate: string): Promise<boolean> {
    const matches = await admit(() => compare(hash ?? nobodys, candidate))
    // A hash of a lower cost compares faster than the dummy hash would, so a failure gets extra work.
    if (hash !== null && !matches && isOutdated(hash.slice(Math.max(hash.indexOf(ARGON2ID), 0))))
      await admit(() => argon2.verify(nobodys, candidate))
    return hash !== null && matches
  }

  return {
    hash: (password) => admit(() => argon2.hash(normalisePassword(password), options)),
    async verify(hash, password) {
      // Gatehouse hashes a password in NFC, other systems as it was typed.
      for (const candidate of new Set([normalisePassword(password), password]))
        if (await verifyOnce(hash, candidate)) return true
      return false
    },
    async storable(hash) {
      const fast = readFastHash(hash)
      if (fast) return wrap(fast, (digest) => admit(() => argon2.hash(digest, options)))
      readHash(hash)
      return hash
    },
    isOutdated,
    load
  }
}

// A hash of Gatehouse may cost more than one of another system may.
function compare(hash: string, candidate: string): Promise<boolean> {
  return hash.startsWith('$argon2') ? argon2.verify(hash, candidate) : readHash(hash).compare(candidate)
}

/** Returns the password in NFC (RFC 8265 §4.2.2), so that two keyboards type the same password. Changes nothing else. */
export function normalisePassword(password: string): string {
  return password.normalize('NFC')
}

function createAdmission(slots: number, queue: number, observer: HashObserver | undefined) {
  const waiting: Array<() => void> = []
  let running = 0

  async function admit<T>(work: () => Promise<T>): Promise<T> {
    const askedAt = performance.now()
    if (running >= slots) {
      if (waiting.length >= queue) {
        observer?.refused()
        throw new Problem('busy', { retryAfter: RETRY_AFTER })
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    const startedAt = performance.now()
    try {
      return await work()
    } finally {
      observer?.hashed(startedAt - askedAt, performance.now() - startedAt)
      // Hands the slot to the next in the queue, so that no new call overtakes it.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }

  return { admit, load: () => ({ running, waiting: waiting.length }) }
}
