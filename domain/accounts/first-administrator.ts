import { Problem } from '../errors.ts'
import type { Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import { hashOneTimeToken, issueOneTimeLink, type OneTimeLink } from '../one-time-tokens.ts'
import { ADMIN_ROLE } from '../roles/scopes.ts'
import type { SignedIn } from '../sessions/sessions.ts'
import {
  prepareAccount,
  type RegistrationInput,
  type RegistrationParts,
  signInNewAccount
} from './registration.ts'

export type FirstAdministrator = ReturnType<typeof createFirstAdministrator>

/** Creates the first administrator through the link that Gatehouse prints at start. */
export function createFirstAdministrator(parts: RegistrationParts & { issuer: string }) {
  const { store, clock, issuer } = parts
  const page = `${issuer}/auth/setup`

  return {
    /** Issues the link. Returns undefined if an administrator exists. */
    async issueLink(): Promise<OneTimeLink | undefined> {
      if ((await store.users.countAdministrators()) > 0) return undefined
      return store.transaction((tx) =>
        issueOneTimeLink(tx, { purpose: 'setup', userId: null }, page, clock())
      )
    },

    /**
     * Registers the first administrator and signs in. Throws a Problem `already_set_up`, `invalid_token`, `weak_password` or
     * `email_taken`.
     */
    async redeem(
      input: RegistrationInput & { token: string },
      previous: Session | undefined,
      caller: Caller
    ): Promise<SignedIn> {
      if ((await store.users.countAdministrators()) > 0) throw new Problem('already_set_up')
      const hash = hashOneTimeToken(input.token)
      if (!(await store.oneTimeTokens.find(hash, 'setup', clock()))) throw new Problem('invalid_token')
      const account = await prepareAccount(parts, input)
      return store.transaction(async (tx) => {
        await tx.exclusive('roles')
        if ((await tx.users.countAdministrators()) > 0) throw new Problem('already_set_up')
        if (!(await tx.oneTimeTokens.consume(hash, 'setup', clock()))) throw new Problem('invalid_token')
        if (!(await tx.users.insert(account))) throw new Problem('email_taken')
        await tx.users.setRoles(account.id, [ADMIN_ROLE])
        await tx.oneTimeTokens.withdraw('setup', null)
        return signInNewAccount(parts, tx, account.id, { caller, previous, event: 'administrator.set_up' })
      })
    }
  }
}
