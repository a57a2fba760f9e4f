import { refusals } from '../verifier/refusal.ts'

/** Every problem that Gatehouse returns: its stable `code`, HTTP status and public title (RFC 9457). */
export const problems = {
  invalid_request: { status: 400, title: 'The request is not valid.' },
  invalid_token: { status: 400, title: 'The one-time link is not valid or has been used.' },
  unauthorized: refusals.unauthorized,
  token_stale: refusals.token_stale,
  reauthentication_required: refusals.reauthentication_required,
  invalid_credentials: { status: 401, title: 'The e-mail address or the password is wrong.' },
  invalid_session: { status: 401, title: 'The session has ended: sign in again.' },
  forbidden: refusals.forbidden,
  cross_site_request: refusals.cross_site_request,
  https_required: { status: 403, title: 'Use https to reach Gatehouse.' },
  registration_closed: { status: 403, title: 'Registration is not open.' },
  not_found: { status: 404, title: 'There is nothing at this address.' },
  method_not_allowed: { status: 405, title: 'This method is not supported here.' },
  request_timeout: { status: 408, title: 'The request took too long to arrive.' },
  email_taken: { status: 409, title: 'An account with this e-mail address exists already.' },
  role_exists: { status: 409, title: 'A role with this name exists already.' },
  role_built_in: { status: 409, title: 'A built-in role cannot be changed in this way.' },
  last_administrator: { status: 409, title: 'The last administrator cannot be removed.' },
  too_many_secrets: { status: 409, title: 'A client can have at most two active secrets.' },
  already_set_up: { status: 409, title: 'An administrator exists already.' },
  payload_too_large: { status: 413, title: 'The request body is too large.' },
  uri_too_long: { status: 414, title: 'The address is too long.' },
  unsupported_media_type: { status: 415, title: 'Send the body as application/json.' },
  expectation_failed: { status: 417, title: 'The only supported expectation is 100-continue.' },
  weak_password: { status: 422, title: 'Choose another password.' },
  unknown_role: { status: 422, title: 'There is no such role.' },
  roles_too_large: { status: 422, title: 'These roles do not fit into a cookie of 4,096 bytes.' },
  rate_limited: { status: 429, title: 'Too many attempts: wait before you try again.' },
  headers_too_large: { status: 431, title: 'The request headers are too large.' },
  internal_error: { status: 500, title: 'Something went wrong.' },
  busy: { status: 503, title: 'The service is too busy: try again soon.' },
  unavailable: refusals.unavailable,
  not_ready: { status: 503, title: 'The service is not ready.' }
} as const

export type ProblemCode = keyof typeof problems

/** A field with a fault: a JSON pointer into the request, a stable code, and text for people. */
export interface FieldError {
  pointer: string
  code: string
  detail: string
}

export interface ProblemOptions {
  /** Public text, more precise than the title. */
  detail?: string
  errors?: FieldError[]
  /** Seconds until the client should try again: the Retry-After header. */
  retryAfter?: number
  /** Private, for the log: the subject of the refused request. */
  subject?: string | undefined
  /** Private: the reason, which only the log shows. */
  cause?: unknown
}

/** A refusal (RFC 9457). The message is for the log; the reply is built from code, detail and errors. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly errors: FieldError[] | undefined
  readonly retryAfter: number | undefined
  readonly subject: string | undefined

  constructor(code: ProblemCode, { detail, errors, retryAfter, subject, cause }: ProblemOptions = {}) {
    super(detail ?? problems[code].title, { cause })
    this.name = 'Problem'
    this.code = code
    this.detail = detail
    this.errors = errors
    this.retryAfter = retryAfter
    this.subject = subject
  }

  get status(): number {
    return problems[this.code].status
  }
}
