import type { Profile } from '../../domain/accounts/profile.ts'
import type { Auth } from '../../verifier/authorization.ts'

/**
 * Who is signed in, for the app behind a reverse proxy: roles separated by commas, scope by spaces, text in UTF-8. All six
 * are always there, empty where there is nothing, so that a proxy that copies them overwrites what a client sent. An app
 * that knows people by their address must not take one that anybody could register: it is there once verified, or if
 * `forwardUnverified`.
 */
export function remoteHeaders(
  { subject, roles, scope }: Auth,
  { email, emailVerified, name }: Profile,
  forwardUnverified: boolean
) {
  return {
    'remote-user': subject,
    'remote-email': emailVerified || forwardUnverified ? inBytes(email) : '',
    'remote-email-verified': String(emailVerified),
    'remote-name': inBytes(name ?? ''),
    'remote-roles': roles.join(','),
    'remote-scope': scope.join(' ')
  }
}

// Node writes each character of a header as one byte, and refuses to write one that would end its line.
function inBytes(text: string): string {
  return Buffer.from(text.replace(/\p{Cc}/gu, ' '), 'utf8').toString('latin1')
}
