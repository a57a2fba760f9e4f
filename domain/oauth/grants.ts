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
/** What a client may use if its maker does not say. */
export const DEFAULT_GRANTS = [CLIENT_CREDENTIALS]

/** What a client asks for, within what it may have. */
interface TokenRequest {
  /** Space-separated; by default all that the client may have (RFC 6749 §3.3). */
  scope?: string | undefined
  /** The service that the token is for; by default the first that the client may have tokens for (RFC 8707 §2). */
  resource?: string | undefined
}

/** The parameters of the token endpoint (RFC 6749 §4.4.2, RFC 8693 §2.1). */
export interface TokenForm extends TokenRequest, ExchangeForm {
  grant_type?: string | undefined
  audience?: string | undefined
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

  /** For the client itself (RFC 6749 §4.4). Throws an OAuthError `invalid_scope` or `invalid_target`. */
  function forClient(client: Client, { scope, resource }: TokenRequest): Claims {
    return claimsFor(client, audienceOf(client, resource), narrow(client.scope, scope), clock())
  }

  /**
   * For a person, with the client as the actor (RFC 8693). The token allows what both may do, has no role, lives no longer
   * than the subject token, and ends with its session and with every client that acted before. Throws as `forClient` does,
   * and `invalid_request` if the subject token was meant for another service.
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
     * The claims of the token that a client asks for. `verify` judges a subject token for any audience. Throws an OAuthError
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

/** The one service that the form names. `audience` means the same as `resource` here (RFC 8693 §2.1). */
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
