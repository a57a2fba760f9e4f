import { Problem } from '../errors.ts'
import type { Caller } from '../model/audit.ts'
import type { Role } from '../model/role.ts'
import type { Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { ADMIN_ROLE, managementScopesIn, ROLES_ASSIGN, USER_ROLE } from './scopes.ts'

/** The administrator: a person, a machine, or the operator at the command line. */
export interface Administrator {
  caller: Caller
  scope: string[]
}

/**
 * Asserts that an administrator may give or take this scope, or act on its holders. They may for scopes that they hold and,
 * with `roles:assign`, for every application scope. Throws a Problem `forbidden`.
 */
export function assertCanManage({ scope: own }: Administrator, scope: string[]): void {
  const lacking = scope.filter((token) => !own.includes(token))
  const protectedOnes = own.includes(ROLES_ASSIGN) ? managementScopesIn(lacking) : lacking
  if (protectedOnes.length > 0) throw new Problem('forbidden')
}

/**
 * Asserts that an administrator may give this scope to the account or client `id`. They can give themselves only scopes that
 * they hold, even with `roles:assign`. Throws a Problem `forbidden`.
 */
export function assertCanGive(administrator: Administrator, scope: string[], id: string): void {
  assertCanManage(administrator, scope)
  const { caller, scope: own } = administrator
  const isSelf = id === caller.actorId || id === caller.onBehalfOf
  if (isSelf && scope.some((token) => !own.includes(token))) throw new Problem('forbidden')
}

/**
 * Withdraws the password links of one user, or of all holders of a role, if their scope grows. A lesser administrator may
 * have made such a link, and it must not open the greater account. For `user`, which all users hold, only gained management
 * scopes count.
 */
export async function withdrawOutgrownLinks(
  tx: Transaction,
  holders: Pick<User, 'id'> | Pick<Role, 'name'>,
  before: string[],
  after: string[]
): Promise<void> {
  const gained = after.filter((token) => !before.includes(token))
  if ('id' in holders) {
    if (gained.length > 0) await tx.oneTimeTokens.withdraw('password', holders.id)
    return
  }
  const counted = holders.name === USER_ROLE ? managementScopesIn(gained) : gained
  if (counted.length > 0) await tx.oneTimeTokens.withdrawFromHolders('password', holders.name)
}

/**
 * Reads a user and makes a change that may remove an administrator. Throws a Problem `last_administrator` if no other can
 * sign in.
 */
export async function guardLastAdministrator<T>(
  tx: Transaction,
  find: () => Promise<User>,
  change: (user: User) => Promise<T>
): Promise<T> {
  // Without the lock, two administrators who remove each other at once would each still see the other.
  await tx.exclusive('roles')
  const user = await find()
  const result = await change(user)
  const wasAdministrator = user.roles.includes(ADMIN_ROLE) && !user.disabled && user.passwordHash !== null
  if (wasAdministrator && (await tx.users.countAdministrators()) === 0)
    throw new Problem('last_administrator')
  return result
}
