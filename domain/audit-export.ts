import type { AuditEvent, AuditFilter } from './model/audit.ts'
import { eachItem } from './model/page.ts'
import type { Store } from './model/store.ts'

/**
 * Returns the events of this time and type, oldest first. Reads page by page. Compares times here: the database would look
 * through all earlier rows in one statement, which may take longer than a statement may.
 */
export async function* exportedEvents(
  store: Store,
  { type, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY }: AuditFilter
): AsyncGenerator<AuditEvent> {
  const events = eachItem(
    (page) => store.audit.list({ ...page, type, oldestFirst: true }),
    ({ id }) => id
  )
  for await (const event of events) if (event.at >= from && event.at < to) yield event
}
