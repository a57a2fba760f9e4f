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
import { type ExchangeForm, subjectOf, TOKEN_EXCHANGE } from './token-exchange.ts'

export const CLIENT_CREDENTIALS = 'client_credentials'
/** The grants of a client if the administrator names none. */
export const DEFAULT_GRANTS = [CLIENT_CREDENTIALS]

/** The scope and the service that a client requests. */
interface TokenRequest {
  /** Space-separated; by default the client's whole scope (RFC 6749 §3.3). */
  scope?: string | undefined
  /** The service that the token is for; by default the client's first audience (RFC 8707 §2). */
  resource?: string | undefined
}

/** The parameters of the token endpoint (RFC 6749 §4.4.2, RFC 8693 §2.1). */
export interface TokenForm extends TokenRequest, ExchangeForm {
  grant_type?: string | undefined
  audience?: string | undefined
}

export type ClientTokens = ReturnType<typeof createClientTokens>

/** Issues tokens to clients, as claims, and revokes them. */
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

  /** Returns claims for the client itself (RFC 6749 §4.4). Throws an OAuthError `invalid_scope` or `invalid_target`. */
  function forClient(client: Client, { scope, resource }: TokenRequest): Claims {
    return claimsFor(client, audienceOf(client, resource), narrow(client.scope, scope), clock())
  }

  /**
   * Returns the claims of a token for a person, with the client as the actor (RFC 8693). It allows what both may do, and has
   * no role. It expires no later than the subject token, and ends with its session and with every client that acted before.
   * Throws as `forClient` does, and `invalid_request` if the subject token is for another service.
   */
  function forSubject(
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
      // The present actor is `client_id` at `client_ver`. An earlier actor carries the `jti` and version of its own token.
      act: { sub: client.id, ...(act && { act: { ...act, jti, client_ver } }) }
    }
  }

  return {
    forClient,

    /**
     * Returns the claims of the requested token. `verify` verifies a subject token for any audience. Throws an OAuthError
     * (RFC 6749 §5.2).
     */
    async grant(client: Client, form: TokenForm, verify: (token: string) => Promise<Auth>): Promise<Claims> {
      const { grant_type: type } = form
      if (type === undefined) throw new OAuthError('invalid_request', 'grant_type is missing.')
      if (type !== CLIENT_CREDENTIALS && type !== TOKEN_EXCHANGE)
        throw new OAuthError('unsupported_grant_type', 'There is no such grant here.')
      if (!client.grants.includes(type))
        throw new OAuthError('unauthorized_client', 'The client may not use this grant.')
      const request = { scope: form.scope, resource: targetOf(form) }
      if (type === CLIENT_CREDENTIALS) return forClient(client, request)
      return forSubject(client, await subjectOf(form, verify, clock), request)
    },

    /** Revokes a token of this client (RFC 7009 §2.1). Throws an OAuthError `unauthorized_client` if it is another client's. */
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

/** Returns the services for which a client may get tokens: by default Gatehouse's own audience. */
export function audiencesOf(
  { audiences }: Pick<Client, 'audiences'>,
  { AUTH_AUDIENCE }: Pick<Config, 'AUTH_AUDIENCE'>
): string[] {
  return audiences.length > 0 ? audiences : [AUTH_AUDIENCE]
}

/**
 * Returns the one service that the form names. `audience` means the same as `resource` here (RFC 8693 §2.1). Throws an
 * OAuthError `invalid_target` if the form names two.
 */
function targetOf({ resource, audience = resource }: TokenForm): string | undefined {
  if (resource === undefined || resource === audience) return audience
  throw new OAuthError('invalid_target', 'A token is for one service.')
}

function narrow(allowed: string[], asked: string | undefined): string[] {
  if (asked === undefined) return allowed
  const tokens = [...new Set(asked.split(' '))]
  if (tokens.every((token) => allowed.includes(token))) return tokens
  throw new OAuthError('invalid_scope', 'The client may not have this scope.')
}
