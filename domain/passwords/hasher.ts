import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { Problem } from '../errors.ts'

export interface Argon2Cost {
  memoryKib: number
  time: number
  parallelism: number
}

export interface PasswordHasher {
  /** Returns the argon2id hash in PHC form. Throws a Problem `busy` if too many calls wait. */
  hash(password: string): Promise<string>
  /** Compares a password. Without a hash it compares with a dummy hash, so that the work is equal. Throws a Problem `busy`. */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Returns whether the hash was made at another cost than the present one. */
  isOutdated(hash: string): boolean
  /** Returns how many hashes run now, and how many wait. */
  load(): { running: number; waiting: number }
}

/** An observer of every hash: how long it waited and then ran, in milliseconds, or that it was refused. */
export interface HashObserver {
  hashed(waited: number, took: number): void
  refused(): void
}

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
  const isOutdated = (hash: string) => argon2.needsRehash(hash, options)
  const nobodys = await argon2.hash('nobody has this password', options)

  return {
    hash: (password) => admit(() => argon2.hash(normalisePassword(password), options)),
    async verify(hash, password) {
      const candidate = normalisePassword(password)
      const matches = await admit(() => argon2.verify(hash ?? nobodys, candidate))
      // A hash of a lower cost compares faster than the dummy hash would, so a failure gets extra work.
      if (hash !== null && !matches && isOutdated(hash)) await admit(() => argon2.verify(nobodys, candidate))
      return hash !== null && matches
    },
    isOutdated,
    load
  }
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
