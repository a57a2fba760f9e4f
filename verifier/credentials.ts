import type { IncomingHttpHeaders } from 'node:http'
import { cookieValues } from './cookies.ts'
import { Refusal } from './refusal.ts'

export interface Credential {
  token: string
  from: 'cookie' | 'header'
}

/**
 * The access tokens that a request carries, to be tried in turn. A bearer token is the only credential looked at: a bad one
 * is never made up for by a cookie. A name that comes more than once gives each of its values, because a sibling host
 * may have set one of them. Throws a Refusal `unauthorized` if the `Bearer` scheme is followed by no token.
 */
export function readCredentials(
  headers: IncomingHttpHeaders,
  cookieNames: string[],
  from?: Credential['from']
): Credential[] {
  if (carriesBearer(headers)) {
    return from === 'cookie' ? [] : [{ token: bearerToken(headers.authorization), from: 'header' }]
  }
  const credentials: Credential[] = []
  if (headers.cookie === undefined || from === 'header') return credentials
  for (const name of cookieNames) {
    for (const token of cookieValues(headers.cookie, name)) credentials.push({ token, from: 'cookie' })
  }
  return credentials
}

/** Whether the Authorization header is of the `Bearer` scheme. Of another scheme it is no credential of ours (RFC 9110 §11.6.2). */
export function carriesBearer({ authorization = '' }: IncomingHttpHeaders): boolean {
  return /^bearer(?![\w!#$%&'*+.^`|~-])/i.test(authorization)
}

/** RFC 6750 §2.1: the scheme, one space or more, the token. */
function bearerToken(authorization = ''): string {
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw new Refusal('unauthorized')
  return token
}
