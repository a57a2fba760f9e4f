import { type Clock, MINUTE } from '../clock.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Store } from '../model/store.ts'

const REPORT_EVERY = MINUTE
const REPORTS_AT_ONCE = 100
const unknownCaller: Caller = { actorId: null, ip: null, userAgent: null, requestId: null }

/** The account whose tries are refused: the MAC of the e-mail address, and the user who has it, if any. */
export interface BlockedAccount {
  account: string
  userId: string | null
}

export type BlockedLogins = ReturnType<typeof createBlockedLogins>

/**
 * Records refused tries in the audit trail: for each account one `login.blocked` a minute, over all instances, with their
 * number. Tries that arrive during a write are added up and written together: a flood costs one write at a time.
 */
export function createBlockedLogins({
  store,
  clock,
  onError
}: {
  store: Store
  clock: Clock
  onError: (error: unknown) => void
}) {
  const writing = new Map<string, { tries: number; caller: Caller }>()
  const draining = new Set<Promise<void>>()

  async function write(of: BlockedAccount, tries: number, caller: Caller): Promise<void> {
    const blocked = { ...of, ip: caller.ip, tries }
    if (await store.throttles.countBlocked(blocked, REPORT_EVERY, clock())) return
    await store.transaction(async (tx) => {
      const count = await tx.throttles.recordBlocked(blocked, REPORT_EVERY, clock())
      if (count === 0) return
      const about = { userId: of.userId, detail: { count } }
      await tx.audit.append(auditEvent('login.blocked', caller, clock(), about))
    })
  }

  async function drain(of: BlockedAccount, waiting: { tries: number; caller: Caller }): Promise<void> {
    try {
      while (waiting.tries > 0) {
        const { tries, caller } = waiting
        waiting.tries = 0
        await write(of, tries, caller)
      }
    } catch (error) {
      onError(error)
    } finally {
      writing.delete(of.account)
    }
  }

  async function reportSome(): Promise<number> {
    return store.transaction(async (tx) => {
      const taken = await tx.throttles.takeBlocked(REPORTS_AT_ONCE, REPORT_EVERY, clock())
      for (const { userId, ip, count } of taken) {
        const about = { userId, detail: { count } }
        await tx.audit.append(auditEvent('login.blocked', { ...unknownCaller, ip }, clock(), about))
      }
      return taken.length
    })
  }

  async function settle(): Promise<void> {
    await Promise.all(draining)
  }

  return {
    /** Counts a refused try. */
    async note(of: BlockedAccount, caller: Caller): Promise<void> {
      const current = writing.get(of.account)
      if (current) {
        current.tries += 1
        current.caller = caller
        return
      }
      const waiting = { tries: 0, caller }
      writing.set(of.account, waiting)
      try {
        await write(of, 1, caller)
      } finally {
        const drained = drain(of, waiting).finally(() => draining.delete(drained))
        draining.add(drained)
      }
    },

    /** Resolves once every refused try so far is counted. */
    settle,

    /** Appends an audit event with the tries since the last report, for each account whose report is due. */
    async report(): Promise<void> {
      await settle()
      while ((await reportSome()) === REPORTS_AT_ONCE);
    }
  }
}
