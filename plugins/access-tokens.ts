import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Compile } from 'typebox/compile'
import { isTimely } from '../domain/access-token.ts'
import type { Auth } from '../domain/authorization.ts'
import { Problem } from '../domain/errors.ts'
import { type KeyRing, loadKeyRing } from '../domain/signing-keys.ts'
import { UserClaims } from '../schemas/access-token.ts'

const TYPE = 'at+jwt'
const CACHED_TOKENS = 10_000

export interface AccessTokens {
  issue(claims: UserClaims): string
  /** Who the token speaks for, expiry included unless `ignoreExpiry`. Throws a Problem `unauthorized`, the same for every fault. */
  verify(token: string, options?: { ignoreExpiry?: boolean }): Auth
}

declare module 'fastify' {
  interface FastifyInstance {
    accessTokens: AccessTokens
  }
}

/** Decorates `accessTokens`: signs and verifies by @fastify/jwt, pinned to our keys, issuer, audience, algorithm and type. */
export default fp(
  async (fastify) => {
    const { config, store, derivedKeys, clock } = fastify
    const algorithm = config.AUTH_JWT_ALG as 'ES256' | 'EdDSA'
    const keys = await loadKeyRing(store, algorithm, derivedKeys.signingKeyWrap, clock())
    await fastify.register(jwt, {
      secret: { private: keys.active.privatePem, public: keys.active.publicPem },
      sign: { algorithm, kid: keys.active.kid, header: { alg: algorithm, typ: TYPE } },
      verify: {
        algorithms: [algorithm],
        allowedIss: config.AUTH_ISSUER,
        allowedAud: config.AUTH_AUDIENCE,
        requiredClaims: Object.keys(UserClaims.properties),
        checkTyp: TYPE,
        // Time is ours to judge: by the injected clock, with one leeway before and another after.
        ignoreExpiration: true,
        ignoreNotBefore: true
      },
      decoratorName: 'jwtClaims'
    })
    fastify.decorate('accessTokens', createAccessTokens(fastify, keys))
  },
  { name: 'access-tokens', dependencies: ['config', 'store'] }
)

function createAccessTokens({ jwt, clock }: FastifyInstance, keys: KeyRing): AccessTokens {
  const hasClaims = Compile(UserClaims)
  // Keyed by the whole token, and asked for its time and its revocation at every hit.
  const verified = new Map<string, Auth>()

  function verifySignature(token: string): Auth {
    const { header } = jwt.decode<{ header: { kid?: unknown } }>(token, { complete: true }) ?? {}
    const key = typeof header?.kid === 'string' ? keys.byKid.get(header.kid) : undefined
    if (!key) throw new Problem('unauthorized')
    const claims = jwt.verify<UserClaims>(token, { key: key.publicPem, algorithms: [key.algorithm] })
    if (!hasClaims.Check(claims)) throw new Problem('unauthorized')
    return toAuth(claims)
  }

  function remember(token: string, auth: Auth): void {
    if (verified.size >= CACHED_TOKENS) verified.delete(verified.keys().next().value as string)
    verified.set(token, auth)
  }

  return {
    issue: (claims) => jwt.sign(claims),

    verify(token, { ignoreExpiry = false } = {}) {
      const known = verified.get(token)
      if (known) {
        if (isTimely(known.claims, clock())) return known
        verified.delete(token)
      }
      try {
        const auth = verifySignature(token)
        if (isTimely(auth.claims, clock())) remember(token, auth)
        else if (!ignoreExpiry) throw new Problem('unauthorized')
        return auth
      } catch (error) {
        throw error instanceof Problem ? error : new Problem('unauthorized', { cause: error })
      }
    }
  }
}

function toAuth(claims: UserClaims): Auth {
  return {
    subject: claims.sub,
    kind: 'user',
    roles: claims.roles,
    scope: claims.scope === '' ? [] : claims.scope.split(' '),
    sessionId: claims.sid,
    claims
  }
}
