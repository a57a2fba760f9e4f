import type { IncomingHttpHeaders } from 'node:http'
import { cookieValues } from './cookies.ts'
import { Refusal } from './refusal.ts'

export interface Credential {
  token: string
  from: 'cookie' | 'header'
}

/**
 * Returns the access tokens of a request, to be tried in turn. If there is a bearer token, cookies do not count. Returns every
 * value of a repeated cookie name, because a sibling host may have set one of them. Throws a Refusal `unauthorized` if no
 * token follows the `Bearer` scheme.
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

/** Tells whether the Authorization header has the `Bearer` scheme. Other schemes are no credential here (RFC 9110 §11.6.2). */
export function carriesBearer({ authorization = '' }: IncomingHttpHeaders): boolean {
  return /^bearer(?![\w!#$%&'*+.^`|~-])/i.test(authorization)
}

/** Returns the token after the scheme and one or more spaces (RFC 6750 §2.1). */
function bearerToken(authorization = ''): string {
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw new Refusal('unauthorized', 'no token follows the Bearer scheme')
  return token
}
