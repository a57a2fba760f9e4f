import type { IncomingHttpHeaders } from 'node:http'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method)
}

/** Tells whether the client says where the request comes from. Every browser does. */
export function namesItsSite(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-site'] !== undefined || headers.origin !== undefined
}

/** Tells whether a request comes from a page of this origin (Fetch Metadata), or of an allowed one. */
export function comesFromHere(headers: IncomingHttpHeaders, allowedOrigins: ReadonlySet<string>): boolean {
  if (headers['sec-fetch-site'] === 'same-origin') return true
  return headers.origin !== undefined && allowedOrigins.has(headers.origin)
}
