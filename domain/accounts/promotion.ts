import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Store } from '../model/store.ts'
import type { User } from '../model/user.ts'
import type { OneTimeLink } from '../one-time-tokens.ts'
import type { PasswordReset } from '../passwords/reset.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import { assertAssignable } from '../roles/assignable.ts'
import { lookUpRoles } from '../roles/lookup.ts'
import { ADMIN_ROLE, heldRoles } from '../roles/scopes.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Config } from '../settings/config.ts'

export type Promote = ReturnType<typeof createPromotion>

/** Lets the operator make an existing account an administrator. */
export function createPromotion({
  store,
  clock,
  config,
  sessions,
  passwordReset
}: {
  store: Store
  clock: Clock
  config: Config
  sessions: Sessions
  passwordReset: PasswordReset
}) {
  /**
   * Makes the account an administrator, and ends its sessions, its password and its earlier links: a stranger may have
   * registered the address. Only the returned link opens the account. Throws a Problem `not_found` or `roles_too_large`.
   */
  return (email: string, caller: Caller): Promise<{ user: User; link: OneTimeLink }> =>
    store.transaction(async (tx) => {
      await tx.exclusive('roles')
      const user = await tx.users.findByEmail(email)
      if (!user) throw new Problem('not_found')
      const { id, roles: before } = user
      const after = heldRoles([...before, ADMIN_ROLE])
      assertAssignable(await lookUpRoles(tx, after), after, config)
      // Withdraws earlier links first: redeeming a link takes the locks in the same order.
      const link = await passwordReset.issueLinkWithin(tx, id)
      // Locks the user's row, so that no sign-in opens a session after all have ended.
      await tx.users.voidPassword(id)
      const sessionsEnded = await sessions.endAllWithin(tx, id, 'promoted')
      await tx.users.setRoles(id, after)
      await revokeUserTokens(tx, { id }, clock())
      const about = { userId: id, detail: { before, after, sessionsEnded } }
      await tx.audit.append(auditEvent('user.promoted', caller, clock(), about))
      return { user: (await tx.users.find(id)) as User, link }
    })
}
