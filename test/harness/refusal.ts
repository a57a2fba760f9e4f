import { type FieldError, type ProblemCode, problems } from '../../domain/errors.ts'
import type { Answer } from './browser.ts'

const PROBLEM_JSON = 'application/problem+json; charset=utf-8'

/** Returns what the caller sees of a refusal, without the request's id, which always differs. Compare it with `refusal()`. */
export function refusalOf({ status, headers, cookies, body }: Answer) {
  const { requestId, ...rest } = body ?? {}
  return { status, type: headers['content-type'], traced: typeof requestId === 'string', cookies, body: rest }
}

/** Returns the complete expected refusal. No refusal sets or clears a cookie. */
export function refusal(
  status: number,
  code: ProblemCode,
  more: { detail?: string; errors?: FieldError[] } = {}
) {
  return {
    status,
    type: PROBLEM_JSON,
    traced: true,
    cookies: [],
    body: { type: `urn:gatehouse:problem:${code}`, title: problems[code].title, status, code, ...more }
  }
}
