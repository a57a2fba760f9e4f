import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The CSRF token of a session: a MAC over its id, so that no other session's token and no guess will do. */
export function csrfTokenOf(sessionId: string, key: KeyObject): string {
  return createHmac('sha256', key).update(sessionId).digest('base64url')
}

export function isCsrfTokenOf(sessionId: string, token: string, key: KeyObject): boolean {
  const expected = Buffer.from(csrfTokenOf(sessionId, key))
  const given = Buffer.from(token)
  return given.length === expected.length && timingSafeEqual(given, expected)
}
