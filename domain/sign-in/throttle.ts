import { createHmac, type KeyObject } from 'node:crypto'
import { type Clock, DAY, SECOND } from '../clock.ts'
import { Problem } from '../errors.ts'
import type { Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { ThrottlePolicy } from '../model/throttle.ts'
import type { User } from '../model/user.ts'
import { createTurns } from '../turns.ts'
import type { BlockedAccount, BlockedLogins } from './blocked-logins.ts'
import { DEVICE_LIFETIME, type DeviceMarks } from './device-marks.ts'
import { networkOf } from './network.ts'

/** The consecutive failures on one account that NIST SP 800-63B-4 §3.2.2 allows. */
const ACCOUNT_LIMIT = 100
/** Tries of one count that wait until the earlier ones are decided. */
const WAITING = 20

/** A try to sign in: the typed address, its account, if any, and the browser's device cookies. */
export interface LoginTry {
  email: string
  user: User | undefined
  deviceCookies: string[]
}

/** The keys of the counts that a try may belong to. */
interface Counts {
  account: string
  device: string | undefined
  network: string
}

export type LoginThrottle = ReturnType<typeof createLoginThrottle>

/**
 * Limits the tries to sign in to one account. The database counts each try before a password is compared, so that parallel
 * tries count, too. A browser that the account knows has a separate count. All others are strangers: they are counted by
 * network, and together by account. On one instance, the tries of one count take turns: a try that is not decided yet
 * delays no other.
 */
export function createLoginThrottle({
  store,
  clock,
  key,
  limit,
  devices,
  blocked
}: {
  store: Store
  clock: Clock
  key: KeyObject
  limit: number
  devices: DeviceMarks
  blocked: BlockedLogins
}) {
  const macOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url')
  const accountOf = (email: string) => macOf(`account ${email}`)
  const takeTurn = createTurns({ atOnce: 1, waiting: WAITING })

  // 1 s doubles to 1,024 s; then comes a day of rest.
  const growing: ThrottlePolicy = {
    limit,
    firstDelay: SECOND,
    delays: 11,
    rest: DAY,
    keep: DAY,
    keepSince: 'last'
  }
  const byAccount: ThrottlePolicy = {
    ...growing,
    limit: Math.max(limit, ACCOUNT_LIMIT),
    delays: 0,
    keepSince: 'first'
  }
  // After the last try the browser is a stranger, until a sign-in gives it a new mark.
  const byDevice: ThrottlePolicy = {
    ...growing,
    delays: 0,
    rest: DEVICE_LIFETIME,
    keep: DEVICE_LIFETIME
  }

  /** Returns the counts that a try may belong to. A browser that the account does not know has none of its own. */
  function countsOf({ email, user, deviceCookies }: LoginTry, { ip }: Caller): Counts {
    const account = accountOf(email)
    const device = devices.recognise(deviceCookies, user)
    return {
      account,
      device: device && macOf(`device ${device} ${account}`),
      network: macOf(`network ${networkOf(ip ?? '')} ${email}`)
    }
  }

  // Network first: tries that the network's count refuses do not use up the account's count.
  async function reserveAsStranger({ account, network }: Counts) {
    const byNetwork = await store.throttles.reserve({ key: network, account }, growing, clock(), account)
    if (byNetwork.wait > 0) return { keys: [], wait: byNetwork.wait }
    const { wait } = await store.throttles.reserve({ key: account, account }, byAccount, clock())
    return { keys: [network, account], wait }
  }

  async function reserve(counts: Counts) {
    const { account, device: key } = counts
    if (key !== undefined) {
      const { wait } = await store.throttles.reserve({ key, account }, byDevice, clock())
      if (wait === 0) return { keys: [key], wait }
    }
    return reserveAsStranger(counts)
  }

  async function refuse(of: BlockedAccount, wait: number, caller: Caller): Promise<never> {
    await blocked.note(of, caller)
    throw new Problem('rate_limited', { retryAfter: Math.ceil(wait / SECOND) })
  }

  return {
    /**
     * Counts a try to sign in, then runs `decide` with the counts to clear if it succeeds. Throws a Problem `rate_limited`
     * with the time to wait.
     */
    async tryLogin<T>(
      attempt: LoginTry,
      caller: Caller,
      decide: (counts: string[]) => Promise<T>
    ): Promise<T> {
      if (limit === 0) return decide([])
      const counts = countsOf(attempt, caller)
      const endTurn = await takeTurn(counts.device ?? counts.network)
      try {
        const { keys, wait } = await reserve(counts)
        const blocked = { account: counts.account, userId: attempt.user?.id ?? null }
        return wait === 0 ? await decide(keys) : await refuse(blocked, wait, caller)
      } finally {
        endTurn()
      }
    },

    /** Counts a try of a signed-in user to confirm the password. Each session has a separate count. Throws as above. */
    async reserveInSession(session: Session, user: User | undefined, caller: Caller): Promise<string[]> {
      if (limit === 0) return []
      const account = accountOf(user?.email ?? '')
      const key = macOf(`session ${session.id}`)
      const { wait } = await store.throttles.reserve({ key, account }, growing, clock())
      return wait === 0 ? [key] : refuse({ account, userId: user?.id ?? null }, wait, caller)
    },

    async clearWithin(tx: Transaction, keys: string[]): Promise<void> {
      if (keys.length > 0) await tx.throttles.clear(keys)
    },

    /** Clears every count of an account, after a password reset or when an administrator unlocks it. */
    clearAccountWithin: (tx: Transaction, email: string) => tx.throttles.clearAccount(accountOf(email))
  }
}
