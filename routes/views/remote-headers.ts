import type { Profile } from '../../domain/accounts/profile.ts'
import type { Auth } from '../../verifier/authorization.ts'

/**
 * Names the signed-in user to the app behind a reverse proxy. Roles are separated by commas, scopes by spaces; text is UTF-8. All
 * six headers are always present, perhaps empty, so that a proxy that copies them overwrites a client's own. The address is
 * present if it is verified or `forwardUnverified` is set. An app must not identify users by an unverified address.
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

/** Names nobody. Caddy would send the app a placeholder for a header that the reply lacks. */
export const noRemoteHeaders: ReturnType<typeof remoteHeaders> = {
  'remote-user': '',
  'remote-email': '',
  'remote-email-verified': '',
  'remote-name': '',
  'remote-roles': '',
  'remote-scope': ''
}

// Node writes each character of a header as one byte, and refuses line breaks.
function inBytes(text: string): string {
  return Buffer.from(text.replace(/\p{Cc}/gu, ' '), 'utf8').toString('latin1')
}
