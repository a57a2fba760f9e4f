import type { Auth } from '../../verifier/authorization.ts'
import type { Client } from '../model/client.ts'

const INTROSPECT_ALL = 'tokens:introspect'

/** Returns whether a client may introspect a token: its own tokens, or all with the scope `tokens:introspect`. */
export function mayIntrospect(client: Client, { claims }: Auth): boolean {
  return claims.client_id === client.id || client.scope.includes(INTROSPECT_ALL)
}

/** Returns the introspection response for an active token (RFC 7662 §2.2). */
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
