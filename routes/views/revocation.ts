import { toIso } from '../../domain/clock.ts'
import { type FeedPage, formatCursor } from '../../domain/revocations/revocation-log.ts'
import type { RevocationFeed } from '../../schemas/revocation.ts'
import type { Revocation } from '../../verifier/revocation-set.ts'

const bodies = new WeakMap<FeedPage, string>()

/** A page of the feed as JSON, written once for all who are given the same page. */
export function feedBody(page: FeedPage): string {
  const known = bodies.get(page)
  if (known !== undefined) return known
  const feed: RevocationFeed = {
    entries: page.entries.map(revocationView),
    cursor: formatCursor(page.place)
  }
  const body = JSON.stringify(feed)
  bodies.set(page, body)
  return body
}

function revocationView(revocation: Revocation): RevocationFeed['entries'][number] {
  const { kind, id } = revocation
  const expiresAt = toIso(revocation.expiresAt)
  return 'minVersion' in revocation
    ? { kind, id, minVersion: revocation.minVersion, expiresAt }
    : { kind, id, expiresAt }
}
