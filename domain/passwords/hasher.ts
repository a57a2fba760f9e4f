import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { Problem } from '../errors.ts'

export interface Argon2Cost {
  memoryKib: number
  time: number
  parallelism: number
}

export interface PasswordHasher {
  /** The argon2id hash in PHC form. Throws a Problem `busy` where too many wait. */
  hash(password: string): Promise<string>
  /** Equal work whether there is a hash or not: without one, a hash of nobody's password is compared. */
  verify(hash: string | null, password: string): Promise<boolean>
  /** Whether the hash was made at another cost than today's. */
  isOutdated(hash: string): boolean
  /** How many are at work at this moment, and how many wait for their turn. */
  load(): { running: number; waiting: number }
}

/** Who is told of each hash: how long it waited and then took, in milliseconds, or that it was refused. */
export interface HashObserver {
  hashed(waited: number, took: number): void
  refused(): void
}

const QUEUE_FACTOR = 64
const RETRY_AFTER = 2

/**
 * argon2id (RFC 9106) with bounded admission: as many hashes at once as there are cores, a bounded queue behind them,
 * and a refusal at once beyond it, so that a flood of sign-ins can take neither the memory nor the thread pool.
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
      // A hash from cheaper times answers sooner than none at all would: a failure is topped up.
      if (hash !== null && !matches && isOutdated(hash)) await admit(() => argon2.verify(nobodys, candidate))
      return hash !== null && matches
    },
    isOutdated,
    load
  }
}

/** NFC (RFC 8265 §4.2.2): the same characters typed on two keyboards are the same password. Nothing else is changed. */
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
      // The slot passes straight to the next in line: nobody new can slip in between.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }

  return { admit, load: () => ({ running, waiting: waiting.length }) }
}
