import { createHmac, type KeyObject } from 'node:crypto'
import { type Clock, DAY, SECOND } from '../clock.ts'
import { Problem } from '../errors.ts'
import type { Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { ThrottlePolicy } from '../model/throttle.ts'
import type { User } from '../model/user.ts'
import type { BlockedAccount, BlockedLogins } from './blocked-logins.ts'
import { DEVICE_LIFETIME, type DeviceMarks } from './device-marks.ts'
import { networkOf } from './network.ts'

/** The consecutive failures on one account that NIST SP 800-63B-4 §3.2.2 allows. */
const ACCOUNT_LIMIT = 100

/** A try to sign in: the typed address, its account, if any, and the browser's device cookies. */
export interface LoginTry {
  email: string
  user: User | undefined
  deviceCookies: string[]
}

export type LoginThrottle = ReturnType<typeof createLoginThrottle>

/**
 * Limits the tries to sign in to one account. The database counts each try before a password is compared, so that parallel
 * tries count, too. A browser that the account knows has a separate count. All others are strangers: they are counted by
 * network, and together by account.
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

  async function reserveByDevice({ user, deviceCookies }: LoginTry, account: string) {
    const device = devices.recognise(deviceCookies, user)
    if (device === undefined) return undefined
    const key = macOf(`device ${device} ${account}`)
    const { wait } = await store.throttles.reserve({ key, account }, byDevice, clock())
    return wait === 0 ? [key] : undefined
  }

  // Network first: tries that the network's count refuses do not use up the account's count.
  async function reserveAsStranger(email: string, account: string, { ip }: Caller) {
    const network = { key: macOf(`network ${networkOf(ip ?? '')} ${email}`), account }
    const byNetwork = await store.throttles.reserve(network, growing, clock(), account)
    if (byNetwork.wait > 0) return { keys: [], wait: byNetwork.wait }
    const { wait } = await store.throttles.reserve({ key: account, account }, byAccount, clock())
    return { keys: [network.key, account], wait }
  }

  async function refuse(of: BlockedAccount, wait: number, caller: Caller): Promise<never> {
    await blocked.note(of, caller)
    throw new Problem('rate_limited', { retryAfter: Math.ceil(wait / SECOND) })
  }

  return {
    /**
     * Counts a try to sign in. Returns the counts to clear if it succeeds. Throws a Problem `rate_limited` with the time
     * to wait.
     */
    async reserveLogin(attempt: LoginTry, caller: Caller): Promise<string[]> {
      if (limit === 0) return []
      const { email, user } = attempt
      const account = accountOf(email)
      const known = await reserveByDevice(attempt, account)
      if (known) return known
      const { keys, wait } = await reserveAsStranger(email, account, caller)
      return wait === 0 ? keys : refuse({ account, userId: user?.id ?? null }, wait, caller)
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
