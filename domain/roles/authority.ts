import { Problem } from '../errors.ts'
import type { Caller } from '../model/audit.ts'
import type { Role } from '../model/role.ts'
import type { Transaction } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { ADMIN_ROLE, managementScopesIn, ROLES_ASSIGN, USER_ROLE } from './scopes.ts'

/** Who administers: a person, a machine, or the operator at the command line. */
export interface Administrator {
  caller: Caller
  scope: string[]
}

/**
 * What an administrator may hand out, take away, or act on the holders of: the scopes that they hold and, with
 * `roles:assign`, every application scope. Throws a Problem `forbidden`.
 */
export function assertCanManage({ scope: own }: Administrator, scope: string[]): void {
  const lacking = scope.filter((token) => !own.includes(token))
  const protectedOnes = own.includes(ROLES_ASSIGN) ? managementScopesIn(lacking) : lacking
  if (protectedOnes.length > 0) throw new Problem('forbidden')
}

/**
 * What an administrator may give to the account or client `id`: as above, and to themselves nothing that they lack,
 * whatever they may assign to others. Throws a Problem `forbidden`.
 */
export function assertCanGive(administrator: Administrator, scope: string[], id: string): void {
  assertCanManage(administrator, scope)
  const { caller, scope: own } = administrator
  const isSelf = id === caller.actorId || id === caller.onBehalfOf
  if (isSelf && scope.some((token) => !own.includes(token))) throw new Problem('forbidden')
}

/**
 * Withdraws the password links of one user, or of all who hold a role, if their scope grows: a lesser administrator may
 * have made one, and it must not open what its owner has risen to since. Everybody gains what `user` gains: of that only
 * management scopes count.
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
 * Reads a user and makes a change that may take an administrator away. Throws a Problem `last_administrator` if it was the
 * last who can sign in.
 */
export async function guardLastAdministrator<T>(
  tx: Transaction,
  find: () => Promise<User>,
  change: (user: User) => Promise<T>
): Promise<T> {
  // Two administrators who remove each other at the same moment would each see the other one still there.
  await tx.exclusive('roles')
  const user = await find()
  const result = await change(user)
  const wasAdministrator = user.roles.includes(ADMIN_ROLE) && !user.disabled && user.passwordHash !== null
  if (wasAdministrator && (await tx.users.countAdministrators()) === 0)
    throw new Problem('last_administrator')
  return result
}
