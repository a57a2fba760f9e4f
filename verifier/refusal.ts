import { reasonOf } from './reason-of.ts'

/** The refusals of a guard, by their stable `code`: HTTP status and public title (RFC 9457). */
export const refusals = {
  unauthorized: { status: 401, title: 'Sign in to do this.' },
  token_stale: { status: 401, title: 'The access token is out of date: refresh it.' },
  reauthentication_required: { status: 401, title: 'Confirm that it is you: sign in again.' },
  forbidden: { status: 403, title: 'You are not allowed to do this.' },
  cross_site_request: { status: 403, title: 'The request came from a site that is not allowed.' },
  unavailable: { status: 503, title: 'The service is not available: try again soon.' }
} as const

export type RefusalCode = keyof typeof refusals

/** Seconds until a client should try again after `unavailable`. */
const RETRY_AFTER = 1

/** A guard's refusal. The caller gets one answer for every fault of a token. */
export class Refusal extends Error {
  readonly code: RefusalCode
  /** What was wrong, in one line for the log. Undefined if the caller sent no token. */
  readonly reason: string | undefined
  /** The subject of the token, for the log; undefined if no token was valid. */
  readonly subject: string | undefined

  /** `why` is the reason, or the error that has it in its message. */
  constructor(code: RefusalCode, why?: unknown, subject?: string) {
    super(refusals[code].title, typeof why === 'string' ? {} : { cause: why })
    this.name = 'Refusal'
    this.code = code
    this.reason = why === undefined || typeof why === 'string' ? why : reasonOf(why)
    this.subject = subject
  }

  get status(): number {
    return refusals[this.code].status
  }

  /** Returns the headers of the reply: `WWW-Authenticate` for a 401 (RFC 6750 §3), `Retry-After` for a 503. */
  get headers(): Record<string, string> {
    return {
      'content-type': 'application/problem+json; charset=utf-8',
      'cache-control': 'no-store',
      ...(this.status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(this.status === 503 && { 'retry-after': String(RETRY_AFTER) })
    }
  }

  /** Returns the body of the reply (RFC 9457), as Gatehouse itself writes it. */
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
