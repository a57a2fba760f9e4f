import { createHmac, type KeyObject } from 'node:crypto'
import { type Clock, DAY, SECOND } from './clock.ts'
import { Problem } from './errors.ts'
import type { Session, Store, Transaction } from './store.ts'

const POLICY = { firstDelay: SECOND, doublings: 10, forgetAfter: DAY }

export type LoginThrottle = ReturnType<typeof createLoginThrottle>

/**
 * Growing delays for one account, kept in the database and counted before a password is compared, so that parallel
 * tries count, too. Somebody signed in has a count of their own: others' failures cannot lock them out.
 */
export function createLoginThrottle({
  store,
  clock,
  key,
  limit
}: {
  store: Store
  clock: Clock
  key: KeyObject
  limit: number
}) {
  const keyOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url')

  return {
    /** The count that a stranger's try at this address belongs to. */
    keyOfAddress: (email: string) => keyOf(`account ${email}`),

    /** The count of a browser that proves this session to be its own. */
    keyOfSession: (session: Session) => keyOf(`session ${session.id}`),

    /** Counts a try. Throws a Problem `rate_limited` with the wait where the account's delay runs. */
    async reserve(throttleKey: string): Promise<void> {
      if (limit === 0) return
      const { wait } = await store.throttles.reserve(throttleKey, { limit, ...POLICY }, clock())
      if (wait > 0) throw new Problem('rate_limited', { retryAfter: Math.ceil(wait / SECOND) })
    },

    /** Forgets the failures once somebody has proved who they are. */
    async clearWithin(tx: Transaction, throttleKey: string): Promise<void> {
      if (limit > 0) await tx.throttles.clear(throttleKey)
    }
  }
}
