import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { type AuditDetail, type AuditType, auditEvent, type Caller } from '../model/audit.ts'
import type { Repositories, Store, Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import type { OneTimeLink } from '../one-time-tokens.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { PasswordPolicy } from '../passwords/policy.ts'
import type { PasswordReset } from '../passwords/reset.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import { assertAssignable, type Warning, warningsOf } from '../roles/assignable.ts'
import {
  type Administrator,
  assertCanGive,
  assertCanManage,
  guardLastAdministrator,
  withdrawOutgrownLinks
} from '../roles/authority.ts'
import { lookUpRoles, type RoleLookup } from '../roles/lookup.ts'
import { assignedRoles, heldRoles } from '../roles/scopes.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Config } from '../settings/config.ts'
import type { LoginThrottle } from '../sign-in/throttle.ts'
import { requireNewEmail } from './new-email.ts'
import { newUser } from './registration.ts'

export interface UserChange {
  name?: string | null | undefined
  disabled?: boolean | undefined
  roles?: string[] | undefined
  /** Only an import sets it: the organisation vouches for the address. */
  emailVerified?: true | undefined
}

export interface NewUser {
  email: string
  name?: string | null | undefined
  /** Only the operator sets it: an administrator who chose the password would know it, too. */
  password?: string | undefined
  roles?: string[] | undefined
}

/** A new account, and the link by which its owner chooses a password if it has none. */
interface CreatedUser {
  user: User
  link: OneTimeLink | undefined
  warnings: Warning[]
}

export type UserAdministration = ReturnType<typeof createUserAdministration>

/** Lets administrators manage other users' accounts. */
export function createUserAdministration({
  store,
  clock,
  config,
  sessions,
  passwordReset,
  throttle,
  hasher,
  checkPassword
}: {
  store: Store
  clock: Clock
  config: Config
  sessions: Sessions
  passwordReset: PasswordReset
  throttle: LoginThrottle
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
}) {
  async function find(db: Repositories, id: string): Promise<User> {
    const user = await db.users.find(id)
    if (!user) throw new Problem('not_found')
    return user
  }

  async function findManageable(db: Repositories, id: string, administrator: Administrator): Promise<User> {
    const user = await find(db, id)
    const assigned = assignedRoles(user.roles)
    assertCanManage(administrator, (await lookUpRoles(db, assigned)).scopeOf(assigned))
    return user
  }

  async function changeWithin(
    tx: Transaction,
    user: User,
    change: UserChange,
    roles: RoleLookup,
    caller: Caller
  ): Promise<void> {
    const note = (type: AuditType, detail: AuditDetail = {}) =>
      tx.audit.append(auditEvent(type, caller, clock(), { userId: user.id, detail }))
    if (change.name !== undefined) {
      await tx.users.setName(user.id, change.name)
      await note('user.renamed')
    }
    if (change.roles !== undefined) {
      const after = heldRoles(change.roles)
      await tx.users.setRoles(user.id, after)
      await withdrawOutgrownLinks(tx, user, user.scope, roles.scopeOf(after))
      await note('user.roles_changed', { before: user.roles, after })
    }
    if (change.emailVerified) {
      await tx.users.setEmailVerified(user.id)
      await note('user.email_verified')
    }
    if (change.disabled !== undefined && change.disabled !== user.disabled) {
      await tx.users.setDisabled(user.id, change.disabled)
      if (change.disabled) await sessions.endAllWithin(tx, user.id, 'user_disabled')
      await note(change.disabled ? 'user.disabled' : 'user.enabled')
    }
    await revokeUserTokens(tx, { id: user.id }, clock())
  }

  /**
   * Creates an account. Without a password, returns a link by which its owner chooses one.
   * Throws a Problem `invalid_request`, `unknown_role`, `roles_too_large`, `weak_password`, `email_taken` or `forbidden`.
   */
  async function createUser(input: NewUser, administrator: Administrator): Promise<CreatedUser> {
    const email = requireNewEmail(input.email)
    const roles = input.roles ?? []
    if (input.password !== undefined)
      await checkPassword(input.password, { email, name: input.name }, '/password')
    const passwordHash = input.password === undefined ? null : await hasher.hash(input.password)
    const inserted = newUser(email, input.name ?? null, passwordHash, clock())
    return store.transaction(async (tx) => {
      await tx.exclusive('roles')
      const lookup = await lookUpRoles(tx, heldRoles(roles))
      assertAssignable(lookup, roles, config)
      assertCanManage(administrator, lookup.scopeOf(assignedRoles(roles)))
      if (!(await tx.users.insert(inserted))) throw new Problem('email_taken')
      await tx.users.setRoles(inserted.id, roles)
      await tx.audit.append(
        auditEvent('user.created', administrator.caller, clock(), {
          userId: inserted.id,
          detail: { roles }
        })
      )
      const link = passwordHash === null ? await passwordReset.issueLinkWithin(tx, inserted.id) : undefined
      const user = (await tx.users.find(inserted.id)) as User
      return { user, link, warnings: warningsOf(user, []) }
    })
  }

  return {
    createUser,

    /** Creates an account at an administrator's request. Throws as `createUser`, and a Problem `registration_closed`. */
    async inviteUser(input: Omit<NewUser, 'password'>, administrator: Administrator): Promise<CreatedUser> {
      if (config.AUTH_REGISTRATION === 'closed') throw new Problem('registration_closed')
      return createUser(input, administrator)
    },

    /** Changes it. Throws a Problem `not_found`, `unknown_role`, `roles_too_large`, `last_administrator` or `forbidden`. */
    async changeUser(
      id: string,
      change: UserChange,
      administrator: Administrator
    ): Promise<{ user: User; warnings: Warning[] }> {
      return store.transaction((tx) =>
        guardLastAdministrator(
          tx,
          () => find(tx, id),
          async (before) => {
            const roles = await lookUpRoles(tx, heldRoles([...before.roles, ...(change.roles ?? [])]))
            assertCanManage(administrator, roles.scopeOf(assignedRoles(before.roles)))
            if (change.roles) {
              assertAssignable(roles, change.roles, config)
              assertCanGive(administrator, roles.scopeOf(assignedRoles(change.roles)), id)
            }
            await changeWithin(tx, before, change, roles, administrator.caller)
            const user = (await tx.users.find(id)) as User
            return { user, warnings: warningsOf(user, before.scope) }
          }
        )
      )
    },

    /** Deletes an account. Throws a Problem `not_found`, `last_administrator` or `forbidden`. */
    async deleteUser(id: string, administrator: Administrator): Promise<void> {
      await store.transaction(async (tx) => {
        await guardLastAdministrator(
          tx,
          () => findManageable(tx, id, administrator),
          () => sessions.deleteUserWithin(tx, id)
        )
        await tx.audit.append(auditEvent('user.deleted', administrator.caller, clock(), { userId: id }))
      })
    },

    /** Ends all sessions of an account. Throws a Problem `not_found` or `forbidden`. */
    async endSessions(id: string, administrator: Administrator): Promise<void> {
      await findManageable(store, id, administrator)
      await sessions.endAll(id, 'ended_by_administrator', administrator.caller)
    },

    /** Clears every count of failed sign-ins of an account. Throws a Problem `not_found` or `forbidden`. */
    async unlock(id: string, administrator: Administrator): Promise<void> {
      await store.transaction(async (tx) => {
        const user = await findManageable(tx, id, administrator)
        await throttle.clearAccountWithin(tx, user.email)
        await tx.audit.append(auditEvent('user.unlocked', administrator.caller, clock(), { userId: id }))
      })
    },

    /** Returns a link through which the user chooses a new password. Throws a Problem `not_found` or `forbidden`. */
    async startPasswordReset(id: string, administrator: Administrator): Promise<OneTimeLink> {
      return store.transaction(async (tx) => {
        await tx.exclusive('roles')
        await findManageable(tx, id, administrator)
        await tx.audit.append(
          auditEvent('password.reset_started', administrator.caller, clock(), { userId: id })
        )
        return passwordReset.issueLinkWithin(tx, id)
      })
    }
  }
}
