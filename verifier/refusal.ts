/** Why a guard refuses: the stable `code`, its HTTP status and its public title (RFC 9457). */
export const refusals = {
  unauthorized: { status: 401, title: 'Sign in to do this.' },
  token_stale: { status: 401, title: 'The access token is out of date: refresh it.' },
  reauthentication_required: { status: 401, title: 'Confirm that it is you: sign in again.' },
  forbidden: { status: 403, title: 'You may not do this.' },
  cross_site_request: { status: 403, title: 'The request came from a site that is not allowed.' },
  unavailable: { status: 503, title: 'Not available at the moment: try again soon.' }
} as const

export type RefusalCode = keyof typeof refusals

/** Seconds until another try makes sense where the refusal is `unavailable`. */
const RETRY_AFTER = 1

/** A guard's no. What is wrong with a token is in `cause`, for the log: a caller is told the same of every fault. */
export class Refusal extends Error {
  readonly code: RefusalCode
  /** Whose token it was, for the log; undefined if no token was believed. */
  readonly subject: string | undefined

  constructor(code: RefusalCode, cause?: unknown, subject?: string) {
    super(refusals[code].title, { cause })
    this.name = 'Refusal'
    this.code = code
    this.subject = subject
  }

  get status(): number {
    return refusals[this.code].status
  }

  /** The headers of the reply: `WWW-Authenticate` of a 401 (RFC 6750 §3), `Retry-After` of a 503. */
  get headers(): Record<string, string> {
    return {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      ...(this.status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(this.status === 503 && { 'retry-after': String(RETRY_AFTER) })
    }
  }

  /** The body of the reply (RFC 9457), as Gatehouse itself writes it. */
  body(requestId?: string) {
    const { status, title } = refusals[this.code]
    return {
      type: `urn:gatehouse:problem:${this.code}`,
      title,
      status,
      code: this.code,
      ...(requestId !== undefined && { requestId })
    }
  }
}
