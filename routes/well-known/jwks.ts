import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { SECOND } from '../../domain/clock.ts'
import { publicJwk } from '../../domain/keys/signing-key.ts'
import { Jwks } from '../../schemas/signing-key.ts'

const JWK_SET = 'application/jwk-set+json'

const Unchanged = Type.Null({ description: 'As the `ETag` says.' })

/** GET /.well-known/jwks.json: publishes the keys that sign access tokens, now or soon (RFC 7517). */
const jwks: FastifyPluginAsyncTypebox = async (fastify) => {
  const maxAge = Math.floor(fastify.signingKeys.maxAge / SECOND)

  fastify.get(
    '/jwks.json',
    {
      // No rate limit: a verifier without keys refuses every caller, and this reply is cheap.
      config: { public: true, rateLimit: false },
      schema: {
        operationId: 'getKeySet',
        summary: 'Returns the public keys of the access tokens',
        tags: ['keys'],
        produces: [JWK_SET],
        response: { 200: Jwks, 304: Unchanged },
        problems: []
      }
    },
    async ({ headers }, reply) => {
      const keys = fastify.signingKeys.published()
      const etag = etagOf(keys.map(({ kid }) => kid))
      reply.type(JWK_SET).header('cache-control', `public, max-age=${maxAge}`).header('etag', etag)
      if (isCurrent(headers['if-none-match'], etag)) {
        reply.code(304)
        return null
      }
      return { keys: keys.map(publicJwk) as Static<typeof Jwks>['keys'] }
    }
  )
}

// A kid is a hash of its key, so a hash of all kids is a hash of the set.
function etagOf(kids: string[]): string {
  return `"${createHash('sha256').update(kids.join()).digest('base64url')}"`
}

/** Compares entity tags weakly (RFC 9110 §13.1.2). */
function isCurrent(ifNoneMatch: string | undefined, etag: string): boolean {
  const held = (ifNoneMatch ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''))
  return held.includes(etag) || held.includes('*')
}

export default jwks
