import { SECOND } from './clock.ts'
import type { Caller } from './model/audit.ts'
import type { Store } from './model/store.ts'
import { revokeClientTokens } from './revocations/revoke.ts'
import { endAllSessions } from './sessions/end-all.ts'

const AT_ONCE = 1000
const YEAR_2020 = Date.UTC(2020, 0)

/**
 * Invalidates what a restored backup would make valid again: tokens, links and client rights from after the backup.
 * Returns how many sessions ended. `keepSessions` keeps the sessions and the one-time links of the backup.
 */
export async function invalidateAfterRestore(
  store: Store,
  now: number,
  caller: Caller,
  { keepSessions }: { keepSessions: boolean }
): Promise<number> {
  await raiseVersions(store, now)
  if (keepSessions) return 0
  await store.oneTimeTokens.withdrawAll()
  return endAllSessions(store, now, 'database_restored', caller)
}

// Services that follow the feed know later revocations by version, so new tokens need a higher version than any of these.
async function raiseVersions(store: Store, now: number): Promise<void> {
  const least = versionAt(now)
  let raised: string[]
  do raised = await store.users.raiseVersions(least, AT_ONCE)
  while (raised.length === AT_ONCE)
  do {
    raised = await store.transaction(async (tx) => {
      const ids = await tx.clients.raiseVersions(least, AT_ONCE)
      await revokeClientTokens(
        tx,
        ids.map((id) => ({ id, version: least })),
        now
      )
      return ids
    })
  } while (raised.length === AT_ONCE)
}

/** Returns a version above all that were issued by then: no account changes once a second for years. */
function versionAt(now: number): number {
  return Math.ceil((now - YEAR_2020) / SECOND)
}
