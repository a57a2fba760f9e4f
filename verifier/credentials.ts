import type { IncomingHttpHeaders } from 'node:http'
import { Refusal } from './refusal.ts'

export interface Credential {
  token: string
  from: 'cookie' | 'header'
}

/**
 * The access token that a request carries. An Authorization header, where there is one, is the only credential looked at:
 * a bad one is never made up for by a cookie. Throws a Refusal `unauthorized` for a header that is no bearer token.
 */
export function readCredential(
  { authorization, cookie }: IncomingHttpHeaders,
  cookieNames: string[],
  from?: Credential['from']
): Credential | undefined {
  if (authorization !== undefined) {
    return from === 'cookie' ? undefined : { token: bearerToken(authorization), from: 'header' }
  }
  if (cookie === undefined || from === 'header') return undefined
  const token = cookieNames.map((name) => cookieValue(cookie, name)).find((value) => value !== undefined)
  return token === undefined ? undefined : { token, from: 'cookie' }
}

/** RFC 6750 §2.1, to the letter: the scheme, one space, the token. */
function bearerToken(authorization: string): string {
  const match = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)
  if (!match) throw new Refusal('unauthorized')
  return match[1] as string
}

/** RFC 6265 §4.2.1; where a name comes twice, the first counts, which browsers send for the longer path. */
function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim() || undefined
  }
  return undefined
}
