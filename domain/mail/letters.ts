import { type Clock, MINUTE, toIso } from '../clock.ts'
import { auditEvent, itself } from '../model/audit.ts'
import type { Store } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { MAILED_LIFETIME } from '../one-time-tokens.ts'
import type { PasswordReset } from '../passwords/reset.ts'
import type { Letter, MailMessage } from './messages.ts'

export interface LetterParts {
  store: Store
  clock: Clock
  passwordReset: PasswordReset
  issuer: string
}

/** Returns a function that writes the letter of a message. It returns undefined if the account does not exist or is disabled. */
export function createLetterWriter({ store, clock, passwordReset, issuer }: LetterParts) {
  const service = new URL(issuer).host

  return async function write(message: MailMessage): Promise<Letter | undefined> {
    switch (message.kind) {
      case 'password_forgotten':
        return resetLetter(await store.users.findByEmail(message.email), message.browser)
      case 'password_changed':
        return changeLetter(await store.users.find(message.userId), message)
    }
  }

  // The letter goes to the stored address, not to the one that somebody typed.
  async function resetLetter(user: User | undefined, browser: string): Promise<Letter | undefined> {
    if (!user || user.disabled) return undefined
    const { url: link, code } = await store.transaction(async (tx) => {
      const about = { userId: user.id, detail: { by: 'mail' } }
      await tx.audit.append(auditEvent('password.reset_started', itself, clock(), about))
      return passwordReset.issueMailedLinkWithin(tx, user, browser)
    })
    const minutes = String(MAILED_LIFETIME / MINUTE)
    const values = { service, link, code: `${code.slice(0, 4)}-${code.slice(4)}`, minutes }
    return { userId: user.id, to: user.email, template: 'password-reset', values }
  }

  function changeLetter(user: User | undefined, { at, ip }: { at: number; ip: string | null }) {
    if (!user) return undefined
    const values = { service, when: toIso(at), where: ip ?? 'an unknown address', link: issuer }
    return { userId: user.id, to: user.email, template: 'password-changed', values } as const
  }
}
