import type { Clock } from '../clock.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import { eachItem } from '../model/page.ts'
import type { Session } from '../model/session.ts'
import type { Store } from '../model/store.ts'
import type { User } from '../model/user.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { ListOwnEvents, OwnEvent } from './own-events.ts'

/** What Gatehouse stores about a person. The lists are read while they are sent, page by page. */
export interface AccountExport {
  exportedAt: number
  user: User
  sessions: AsyncIterable<Session>
  events: AsyncIterable<OwnEvent>
}

export type ExportAccount = ReturnType<typeof createAccountExport>

/** Hands people their own data. */
export function createAccountExport({
  store,
  clock,
  sessions,
  listOwnEvents
}: {
  store: Store
  clock: Clock
  sessions: Sessions
  listOwnEvents: ListOwnEvents
}) {
  /** Notes the export in the audit trail first. Throws a Problem `unauthorized` or `invalid_session` if the session has ended. */
  return async (sessionId: string, caller: Caller): Promise<AccountExport> => {
    const { user } = await sessions.withUser(await sessions.current(sessionId))
    const exportedAt = clock()
    const about = { userId: user.id, sessionId }
    await store.audit.append(auditEvent('account.exported', caller, exportedAt, about))
    return {
      exportedAt,
      user,
      sessions: eachItem(
        (page) => sessions.listLive(user.id, page),
        ({ id }) => id
      ),
      events: eachItem(
        (page) => listOwnEvents(user.id, page),
        ({ id }) => id
      )
    }
  }
}
