import type { Auth } from '../../verifier/authorization.ts'
import type { Client } from '../model/client.ts'

const INTROSPECT_ALL = 'tokens:introspect'

/** Whether a client may learn about a token: its own ones, or all with the scope `tokens:introspect`. */
export function mayIntrospect(client: Client, { claims }: Auth): boolean {
  return claims.client_id === client.id || client.scope.includes(INTROSPECT_ALL)
}

/** What introspection says about a token that counts (RFC 7662 §2.2). */
export function introspectionOf({ claims, roles }: Auth) {
  const { iss, aud, sub, client_id, jti, iat, exp, scope, auth_time, act } = claims
  const always = { active: true, token_type: 'Bearer', iss, aud: String(aud), sub, jti, iat, exp, scope }
  return {
    ...always,
    ...(client_id !== undefined && { client_id }),
    ...(auth_time !== undefined && { auth_time, roles }),
    ...(act && { act: { ...act } })
  }
}
