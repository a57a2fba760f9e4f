import { SECOND } from './clock.ts'
import type { Caller } from './model/audit.ts'
import type { Store } from './model/store.ts'
import { revokeClientTokens } from './revocations/revoke.ts'
import { endAllSessions } from './sessions/end-all.ts'

const AT_ONCE = 1000
const YEAR_2020 = Date.UTC(2020, 0)

/**
 * What a database needs that goes on from a backup: no token, link or client of the time since counts by what it was then.
 * Returns how many sessions ended; `keepSessions` leaves them and the one-time links as the backup has them.
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

// What was revoked since is known by its version, to services that follow, too: new tokens must be above each.
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

/** Above every version given out by then: nobody's account changes once a second for years. */
function versionAt(now: number): number {
  return Math.ceil((now - YEAR_2020) / SECOND)
}
