import type { Auth } from '../../verifier/authorization.ts'
import { Refusal } from '../../verifier/refusal.ts'
import { type Clock, SECOND } from '../clock.ts'
import { OAuthError } from './errors.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

/** The parameters of a token exchange (RFC 8693 §2.1). */
export interface ExchangeForm {
  subject_token?: string | undefined
  subject_token_type?: string | undefined
  actor_token?: string | undefined
  actor_token_type?: string | undefined
  requested_token_type?: string | undefined
}

/** Verifies an access token for any audience. Rejects with a Refusal. */
type VerifyToken = (token: string) => Promise<Auth>

/**
 * Returns the person whose access token the form contains. Throws an OAuthError `invalid_request` if it contains none, or
 * parameters that Gatehouse does not support.
 */
export async function subjectOf(form: ExchangeForm, verify: VerifyToken, clock: Clock): Promise<Auth> {
  const auth = await verify(readSubjectToken(form)).catch((error: unknown) => {
    if (error instanceof Refusal && error.status === 401) throw invalid(error)
    throw error
  })
  // Verifiers tolerate some seconds of clock skew, but a new token would have expired before it was issued.
  if (auth.claims.exp * SECOND <= clock()) throw invalid()
  if (auth.kind !== 'user')
    throw new OAuthError('invalid_request', 'The subject token is not that of a person.')
  return auth
}

function readSubjectToken(form: ExchangeForm): string {
  const { subject_token, subject_token_type: type, requested_token_type: wanted = ACCESS_TOKEN_TYPE } = form
  if (subject_token === undefined || type !== ACCESS_TOKEN_TYPE || wanted !== ACCESS_TOKEN_TYPE)
    throw new OAuthError('invalid_request', 'Access tokens are exchanged for access tokens.')
  // An ignored `actor_token` would name an actor that the new token does not name (RFC 8693 §2.2.2).
  if (form.actor_token !== undefined || form.actor_token_type !== undefined)
    throw new OAuthError('invalid_request', 'The client itself acts: no actor_token is taken.')
  return subject_token
}

function invalid(cause?: Error): OAuthError {
  return new OAuthError('invalid_request', 'The subject token is not valid.', cause)
}
