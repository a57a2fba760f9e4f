import { createHmac, type KeyObject } from 'node:crypto'
import { isSameText } from '../constant-time.ts'

/** The CSRF token of a session: a MAC over its id, so that no other session's token and no guess will do. */
export function csrfTokenOf(sessionId: string, key: KeyObject): string {
  return createHmac('sha256', key).update(sessionId).digest('base64url')
}

/** Whether this is the token of the session under one of these keys. */
export function isCsrfTokenOf(sessionId: string, token: string, keys: KeyObject[]): boolean {
  return keys.some((key) => isSameText(token, csrfTokenOf(sessionId, key)))
}
