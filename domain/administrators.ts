import { Problem } from './errors.ts'
import type { Transaction } from './store.ts'

/** Makes a change that may take an administrator away: refused where it would take the last. Throws a Problem `last_administrator`. */
export async function keepAnAdministrator<T>(tx: Transaction, change: () => Promise<T>): Promise<T> {
  // Two administrators who remove each other at the same moment would both see the other one still there.
  await tx.exclusive('roles')
  const before = await tx.users.countAdministrators()
  const result = await change()
  if (before > 0 && (await tx.users.countAdministrators()) === 0) throw new Problem('last_administrator')
  return result
}
