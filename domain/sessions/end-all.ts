import { auditEvent, type Caller } from '../model/audit.ts'
import type { EndReason } from '../model/session.ts'
import type { Store } from '../model/store.ts'
import { revokeSessions } from '../revocations/revoke.ts'

/** Sessions ended in one transaction: few enough that no other writer waits for long. */
const AT_ONCE = 1000

/**
 * Ends the sessions of all users, except those opened after `now`. Each batch has its revocations and its audit event.
 * Returns how many ended.
 */
export async function endAllSessions(
  store: Store,
  now: number,
  reason: EndReason,
  caller: Caller
): Promise<number> {
  let total = 0
  for (let count = AT_ONCE; count === AT_ONCE; total += count) {
    count = await store.transaction(async (tx) => {
      const ended = await tx.sessions.endSome(AT_ONCE, reason, now)
      if (ended.length === 0) return 0
      await revokeSessions(tx, ended, now)
      await tx.audit.append(
        auditEvent('session.all_ended', caller, now, { detail: { reason, count: ended.length } })
      )
      return ended.length
    })
  }
  return total
}
