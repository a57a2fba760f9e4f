import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { Claims } from '../verifier/claims.ts'
import { createTokenVerifier, type TokenVerifier } from '../verifier/token-verifier.ts'
import { createJwtSigner, type SignJwt } from './jwt-signer.ts'

export interface AccessTokens extends TokenVerifier {
  /** Accepts tokens for any audience: for the endpoints that report on tokens. */
  ofAnyAudience: TokenVerifier
  /** Signs an access token. Throws a Problem `unavailable` if the active key was sealed under another master key. */
  issue(claims: Claims): string
  canIssue(): boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    accessTokens: AccessTokens
  }
}

/** Decorates `accessTokens`: signs with the active key by @fastify/jwt, and verifies as every other service does. */
export default fp(
  async (fastify) => {
    const { config, clock, signingKeys, revocations } = fastify
    const signers = new Map<string, SignJwt>()

    await signingKeys.onChange(async (keys) => {
      for (const key of keys) if (!signers.has(key.kid)) signers.set(key.kid, await createJwtSigner(key))
      const kids = new Set(keys.map(({ kid }) => kid))
      // The active key signs until this change takes effect: remove its signer at the next change.
      kids.add(signingKeys.schedule().active.kid)
      for (const kid of signers.keys()) if (!kids.has(kid)) signers.delete(kid)
    })

    const sources = { keys: signingKeys, revocations, issuer: config.AUTH_ISSUER, clock }
    fastify.decorate('accessTokens', {
      ...createTokenVerifier({ ...sources, audience: config.AUTH_AUDIENCE }),
      ofAnyAudience: createTokenVerifier(sources),

      canIssue: () => signers.has(signingKeys.schedule().active.kid),

      issue(claims) {
        const sign = signers.get(signingKeys.schedule().active.kid)
        if (!sign) throw new Problem('unavailable', { retryAfter: 1 })
        return sign(claims)
      }
    })
  },
  { name: 'access-tokens', dependencies: ['config', 'signing-keys', 'revocations'] }
)
