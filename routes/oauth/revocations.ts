import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SECOND, toIso } from '../../domain/clock.ts'
import { Problem } from '../../domain/errors.ts'
import {
  type FeedPage,
  type FeedPlace,
  formatCursor,
  parseCursor
} from '../../domain/revocations/revocation-log.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { FeedQuery, RevocationFeedView } from '../../schemas/revocation.ts'
import { authOf } from '../../verifier/authorization.ts'
import type { Revocation } from '../../verifier/revocation-set.ts'
import { notACursor } from '../paging.ts'

const bodies = new WeakMap<FeedPage, string>()

/**
 * GET /oauth/revocations: the feed that verifiers follow. Without a cursor, answers at once with all revocations. With one,
 * waits up to `wait` seconds for newer ones.
 */
const revocations: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/revocations',
    {
      // No rate limit: a verifier without the feed would not know what was revoked.
      config: { rateLimit: false },
      preHandler: fastify.guard<ManagementScope>({ scope: 'revocations:read' }),
      schema: {
        operationId: 'listRevocations',
        summary: 'Returns revocations to services that follow',
        tags: ['oauth'],
        querystring: FeedQuery,
        response: { 200: RevocationFeedView },
        problems: ['rate_limited']
      }
    },
    async (request, reply) => {
      const { cursor, wait = 0 } = request.query
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const follower = { client: authOf(request).subject, wait: wait * SECOND, signal: gone.signal }
      const page = await fastify.revocations.after(placeOf(cursor), follower)
      if (!fastify.revocations.isFresh()) throw new Problem('unavailable', { retryAfter: 1 })
      // `feedBody` is JSON already, one text for all verifiers that get this page.
      return reply
        .type('application/json; charset=utf-8')
        .send(feedBody(page) as unknown as RevocationFeedView)
    }
  )
}

function placeOf(cursor: string | undefined): FeedPlace | undefined {
  if (cursor === undefined) return undefined
  const place = parseCursor(cursor)
  if (!place) throw notACursor()
  return place
}

/** Returns a page of the feed as JSON, serialized once for all verifiers that get the same page. */
function feedBody(page: FeedPage): string {
  const known = bodies.get(page)
  if (known !== undefined) return known
  const feed: RevocationFeedView = {
    entries: page.entries.map(revocationView),
    cursor: formatCursor(page.place)
  }
  const body = JSON.stringify(feed)
  bodies.set(page, body)
  return body
}

function revocationView(revocation: Revocation): RevocationFeedView['entries'][number] {
  const { kind, id } = revocation
  const expiresAt = toIso(revocation.expiresAt)
  return 'minVersion' in revocation
    ? { kind, id, minVersion: revocation.minVersion, expiresAt }
    : { kind, id, expiresAt }
}

export default revocations
