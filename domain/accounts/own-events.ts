import type { AuditDetail, AuditEvent } from '../model/audit.ts'
import type { Page } from '../model/page.ts'
import type { Store } from '../model/store.ts'

/** Parts of a detail that are about the account itself. */
const OWN_DETAIL = ['reason', 'count', 'before', 'after', 'roles']

/** Who acted, as the owner of an account may know it. */
type Actor = 'you' | 'administrator' | 'operator' | 'service'

/** An event as the owner of the account may see it. */
export interface OwnEvent extends Pick<AuditEvent, 'id' | 'at' | 'type' | 'sessionId' | 'ip' | 'userAgent'> {
  /** Null if the caller did not prove who they are, such as in a failed sign-in. */
  by: Actor | null
  detail: AuditDetail
}

export type ListOwnEvents = ReturnType<typeof createOwnEvents>

/** Shows people what happened to their own account, and nothing of others. */
export function createOwnEvents(store: Store) {
  /** Returns the events of this account, newest first. */
  return async (userId: string, page: Page): Promise<OwnEvent[]> => {
    const events = await store.audit.list({ ...page, userId })
    const others = events.flatMap(({ actorId }) => (actorId === null || actorId === userId ? [] : [actorId]))
    const clients = new Set(await store.clients.existing([...new Set(others)]))
    return events.map((event) => ownEvent(event, userId, clients))
  }
}

// The address and the browser of someone who acts for Gatehouse are theirs. Those of an unknown caller help the owner.
function ownEvent(event: AuditEvent, userId: string, clients: ReadonlySet<string>): OwnEvent {
  const { id, at, type, sessionId, detail } = event
  const by = actorOf(event, userId, clients)
  const isShown = by === 'you' || by === null
  return {
    id,
    at,
    type,
    by,
    sessionId,
    ip: isShown ? event.ip : null,
    userAgent: isShown ? event.userAgent : null,
    detail: Object.fromEntries(Object.entries(detail).filter(([name]) => OWN_DETAIL.includes(name)))
  }
}

// A client that was deleted since counts as an administrator, because only its id is left.
function actorOf(
  { actorId, onBehalfOf }: AuditEvent,
  userId: string,
  clients: ReadonlySet<string>
): Actor | null {
  if (actorId === null) return null
  if (actorId === userId) return 'you'
  if (actorId === 'operator') return 'operator'
  return onBehalfOf !== null || clients.has(actorId) ? 'service' : 'administrator'
}
