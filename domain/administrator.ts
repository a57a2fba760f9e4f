import type { Caller } from './audit.ts'
import { Problem } from './errors.ts'
import { managementScopesIn } from './roles.ts'
import type { Transaction } from './store.ts'

/** Who administers: a person, a machine, or the operator at the command line. */
export interface Administrator {
  caller: Caller
  scope: string[]
}

/** Nobody hands out, takes away or acts on management scopes that they lack themselves. Throws a Problem `forbidden`. */
export function assertMayHandle({ scope: own }: Administrator, scope: string[]): void {
  if (managementScopesIn(scope).some((token) => !own.includes(token))) throw new Problem('forbidden')
}

/** Makes a change that may take an administrator away. Throws a Problem `last_administrator` where it would be the last. */
export async function keepAnAdministrator<T>(tx: Transaction, change: () => Promise<T>): Promise<T> {
  // Two administrators who remove each other at the same moment would both see the other one still there.
  await tx.exclusive('roles')
  const before = await tx.users.countAdministrators()
  const result = await change()
  if (before > 0 && (await tx.users.countAdministrators()) === 0) throw new Problem('last_administrator')
  return result
}
