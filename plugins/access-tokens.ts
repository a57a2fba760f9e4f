import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { OpenedKey } from '../domain/keys/signing-key.ts'
import type { Claims } from '../verifier/claims.ts'
import { createTokenVerifier, TOKEN_TYPE, type TokenVerifier } from '../verifier/token-verifier.ts'

type Sign = (claims: Claims) => string

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
    const signers = new Map<string, Sign>()

    await signingKeys.onChange(async (keys) => {
      for (const key of keys) if (!signers.has(key.kid)) signers.set(key.kid, await createSigner(key))
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

// Each key has an instance, because @fastify/jwt signs four times as fast as with a key per call.
async function createSigner({ kid, algorithm, privatePem, publicPem }: OpenedKey): Promise<Sign> {
  const host = Fastify()
  await host.register(jwt, {
    secret: { private: privatePem, public: publicPem },
    sign: { algorithm, kid, header: { alg: algorithm, typ: TOKEN_TYPE } }
  })
  await host.ready()
  return (claims) => host.jwt.sign(claims)
}
