import { createHmac, type KeyObject } from 'node:crypto'
import { isSameText } from '../constant-time.ts'

/** Returns the CSRF token of a session: a MAC over its id. No other session's token and no guess matches it. */
export function csrfTokenOf(sessionId: string, key: KeyObject): string {
  return createHmac('sha256', key).update(sessionId).digest('base64url')
}

/** Returns whether this is the session's CSRF token under one of these keys. */
export function isCsrfTokenOf(sessionId: string, token: string, keys: KeyObject[]): boolean {
  return keys.some((key) => isSameText(token, csrfTokenOf(sessionId, key)))
}
