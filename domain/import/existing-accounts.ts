import type { UserChange } from '../accounts/user-administration.ts'
import { auditEvent } from '../model/audit.ts'
import type { User } from '../model/user.ts'
import { assertAssignable } from '../roles/assignable.ts'
import { lookUpRoles } from '../roles/lookup.ts'
import { assignedRoles, heldRoles } from '../roles/scopes.ts'
import type { ImportedAccount } from './record.ts'
import { type ImportOptions, refuse } from './report.ts'
import { accepts, type Run } from './run.ts'

const STRANGER =
  'a stranger may have registered this account: it has a password of its own, and its address is not verified. It gets no roles, and no verified address'

/** Changes an account as its line says, if the operator allows changes; otherwise counts it. */
export async function updateExisting(run: Run, user: User, account: ImportedAccount): Promise<void> {
  const { options, report } = run
  const change = changeOf(user, account, options)
  const isNewHash = replacesHash(user, account)
  if (!options.update || (Object.keys(change).length === 0 && !isNewHash)) {
    report.unchanged += 1
    return
  }
  if (favoursStranger(user, change)) return refuse(report, account.line, STRANGER)
  const work = () => (options.dryRun ? check(run, change) : write(run, user, change, isNewHash && account))
  if (await accepts(report, account.line, work)) report.updated += 1
}

/** The mark of a verified address is only ever set. */
function changeOf(user: User, account: ImportedAccount, options: ImportOptions): UserChange {
  const { name, disabled, roles, emailVerified } = account
  const change: UserChange = {}
  if (name !== undefined && name !== user.name) change.name = name
  if (disabled !== undefined && disabled !== user.disabled) change.disabled = disabled
  if (options.withRoles && roles && roles.join() !== assignedRoles(user.roles).join()) change.roles = roles
  if (options.trustVerified && emailVerified && !user.emailVerified) change.emailVerified = true
  return change
}

/** Returns whether the stored hash is another system's, so that its owner has not signed in here, and the file has a newer one. */
function replacesHash(user: User, { passwordHash }: ImportedAccount): boolean {
  if (user.passwordHash === null || passwordHash === null || passwordHash === user.passwordHash) return false
  return !/^\$(argon2|gatehouse-wrapped\$)/.test(user.passwordHash)
}

/** Returns whether a change gives rights to an account whose owner chose a password here and never proved the address. */
function favoursStranger(user: User, { roles = [], emailVerified }: UserChange): boolean {
  const gives = emailVerified === true || roles.some((role) => !user.roles.includes(role))
  return gives && !user.emailVerified && (user.passwordHash ?? '').startsWith('$argon2id$')
}

async function check({ store, config }: Run, { roles = [] }: UserChange): Promise<void> {
  assertAssignable(await lookUpRoles(store, heldRoles(roles)), roles, config)
}

async function write(
  run: Run,
  user: User,
  change: UserChange,
  newHash: ImportedAccount | false
): Promise<void> {
  const { administration, administrator } = run
  if (Object.keys(change).length > 0) await administration.changeUser(user.id, change, administrator)
  if (newHash) await replaceHash(run, user, newHash)
}

async function replaceHash(
  { store, hasher, clock, administrator }: Run,
  { id, passwordHash: expected }: User,
  { passwordHash, format }: ImportedAccount
): Promise<void> {
  const hash = await hasher.storable(passwordHash ?? '')
  await store.transaction(async (tx) => {
    // The owner may have signed in meanwhile.
    if (!(await tx.users.setPasswordHash(id, expected, hash))) return
    const about = { userId: id, detail: { passwordFormat: format } }
    await tx.audit.append(auditEvent('user.password_imported', administrator.caller, clock(), about))
  })
}
