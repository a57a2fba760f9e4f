import type { Auth } from '../../verifier/authorization.ts'
import type { Claims } from '../../verifier/claims.ts'
import { type Clock, toNumericDate } from '../clock.ts'
import { uuidv7 } from '../id.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Client } from '../model/client.ts'
import type { Store } from '../model/store.ts'
import { revokeToken } from '../revocations/revoke.ts'
import type { Config } from '../settings/config.ts'
import { OAuthError } from './errors.ts'

export const CLIENT_CREDENTIALS = 'client_credentials'
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** What a client may use if its maker does not say. */
export const DEFAULT_GRANTS = [CLIENT_CREDENTIALS]

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

/** What a client asks for, within what it may have. */
export interface TokenRequest {
  /** Space-separated; all that it may have, where it does not say (RFC 6749 §3.3). */
  scope?: string | undefined
  /** The service that the token is for; the first that it may be for, where it does not say (RFC 8707 §2). */
  resource?: string | undefined
}

export type ClientTokens = ReturnType<typeof createClientTokens>

/** The tokens that clients get, as claims, and give back. */
export function createClientTokens({
  store,
  clock,
  config
}: {
  store: Store
  clock: Clock
  config: Pick<Config, 'AUTH_ISSUER' | 'AUTH_AUDIENCE' | 'AUTH_ACCESS_TTL'>
}) {
  function claimsFor(client: Client, audience: string, scope: string[], now: number): Claims {
    return {
      iss: config.AUTH_ISSUER,
      aud: audience,
      sub: client.id,
      jti: uuidv7(),
      iat: toNumericDate(now),
      exp: toNumericDate(now + config.AUTH_ACCESS_TTL),
      scope: scope.join(' '),
      client_id: client.id,
      client_ver: client.version
    }
  }

  function audienceOf(client: Client, resource: string | undefined): string {
    const allowed = audiencesOf(client, config)
    const audience = resource ?? (allowed[0] as string)
    if (!allowed.includes(audience))
      throw new OAuthError('invalid_target', 'The client may not have tokens for this resource.')
    return audience
  }

  return {
    /** For the client itself (RFC 6749 §4.4). Throws an OAuthError `invalid_scope` or `invalid_target`. */
    forClient(client: Client, { scope, resource }: TokenRequest): Claims {
      return claimsFor(client, audienceOf(client, resource), narrow(client.scope, scope), clock())
    },

    /**
     * For the person whose access token the client holds, itself acting for them (RFC 8693): no more than both may do, no
     * role, no longer than the token that it shows, and ended with the same session and with every client that acted before.
     * Throws as `forClient` does, and `invalid_request` for a token that another service was meant to hold.
     */
    forSubject(
      client: Client,
      { subject, scope: held, claims }: Auth,
      { scope, resource }: TokenRequest
    ): Claims {
      const meantFor = [client.id, ...audiencesOf(client, config)]
      if (![claims.aud].flat().some((audience) => meantFor.includes(audience)))
        throw new OAuthError('invalid_request', 'The subject token is not meant for this client.')
      const both = client.scope.filter((token) => held.includes(token))
      const own = claimsFor(client, audienceOf(client, resource), narrow(both, scope), clock())
      const { sid = '', ver = 0, auth_time = 0, exp, act, jti, client_ver } = claims
      return {
        ...own,
        sub: subject,
        sid,
        ver,
        auth_time,
        roles: [],
        exp: Math.min(own.exp, exp),
        // The actor of now is `client_id` at `client_ver`; one before it says the same of the token that it had.
        act: { sub: client.id, ...(act && { act: { ...act, jti, client_ver } }) }
      }
    },

    /** Ends one token of the client's own (RFC 7009 §2.1). Throws an OAuthError `unauthorized_client` for another's. */
    async revoke(client: Client, { claims }: Auth, caller: Caller): Promise<void> {
      if (claims.client_id !== client.id) {
        throw new OAuthError('unauthorized_client', 'The token was not issued to this client.')
      }
      const now = clock()
      const { jti, sub } = claims
      await store.transaction(async (tx) => {
        await revokeToken(tx, jti, now)
        await tx.audit.append(auditEvent('token.revoked', caller, now, { detail: { jti, sub } }))
      })
    }
  }
}

/** The services that a client's tokens may be for: Gatehouse's own audience, unless it was given others. */
export function audiencesOf(
  { audiences }: Pick<Client, 'audiences'>,
  { AUTH_AUDIENCE }: Pick<Config, 'AUTH_AUDIENCE'>
): string[] {
  return audiences.length > 0 ? audiences : [AUTH_AUDIENCE]
}

function narrow(allowed: string[], asked: string | undefined): string[] {
  if (asked === undefined) return allowed
  const tokens = [...new Set(asked.split(' '))]
  if (tokens.every((token) => allowed.includes(token))) return tokens
  throw new OAuthError('invalid_scope', 'The client may not have this scope.')
}
