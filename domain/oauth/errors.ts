/** The errors of the OAuth endpoints and their HTTP status (RFC 6749 §5.2, RFC 8707 §2, RFC 7009 §2.2). */
export const oauthErrors = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  temporarily_unavailable: 503,
  server_error: 500
} as const

export type OAuthErrorCode = keyof typeof oauthErrors

/** Returns the OAuth error that says most about a refusal of this HTTP status. */
export function oauthCodeOf(status: number): OAuthErrorCode {
  if (status === 500) return 'server_error'
  return status === 503 || status === 429 ? 'temporarily_unavailable' : 'invalid_request'
}

/** An error in a machine client's request. `message` is public: the `error_description`. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode

  constructor(code: OAuthErrorCode, description: string, cause?: unknown) {
    super(description, { cause })
    this.name = 'OAuthError'
    this.code = code
  }

  get status(): number {
    return oauthErrors[this.code]
  }
}
