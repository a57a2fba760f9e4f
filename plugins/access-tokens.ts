import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { OpenedKey } from '../domain/keys/signing-key.ts'
import type { Claims } from '../verifier/claims.ts'
import { createTokenVerifier, TOKEN_TYPE, type TokenVerifier } from '../verifier/token-verifier.ts'

type Sign = (claims: Claims) => string

export interface AccessTokens extends TokenVerifier {
  /** Believes tokens for whatever service: for the endpoints that say something about them. */
  ofAnyAudience: TokenVerifier
  /** Throws a Problem `unavailable` where the key that signs was sealed under a master key that is not ours. */
  issue(claims: Claims): string
  canIssue(): boolean
}

declare module 'fastify' {
  interface FastifyInstance {
    accessTokens: AccessTokens
  }
}

/** Decorates `accessTokens`: signed by @fastify/jwt with the active key, verified as every other service does it. */
export default fp(
  async (fastify) => {
    const { config, clock, signingKeys, revocations } = fastify
    const signers = new Map<string, Sign>()

    await signingKeys.onChange(async (keys) => {
      for (const key of keys) if (!signers.has(key.kid)) signers.set(key.kid, await createSigner(key))
      const kids = new Set(keys.map(({ kid }) => kid))
      // The key that signs until this change counts must go on to sign: it goes with the change after.
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

// @fastify/jwt signs four times as fast with the one key of its instance as with one a call: each key has an instance.
async function createSigner({ kid, algorithm, privatePem, publicPem }: OpenedKey): Promise<Sign> {
  const host = Fastify()
  await host.register(jwt, {
    secret: { private: privatePem, public: publicPem },
    sign: { algorithm, kid, header: { alg: algorithm, typ: TOKEN_TYPE } }
  })
  await host.ready()
  return (claims) => host.jwt.sign(claims)
}
