import { availableParallelism } from 'node:os'
import { newUser } from '../accounts/registration.ts'
import { auditEvent } from '../model/audit.ts'
import type { Repositories, Transaction } from '../model/store.ts'
import { assertAssignable } from '../roles/assignable.ts'
import { lookUpRoles } from '../roles/lookup.ts'
import { heldRoles } from '../roles/scopes.ts'
import type { ImportedAccount } from './record.ts'
import { accepts, type Run } from './run.ts'

/** Hashes that are computed at once. */
const SLOTS = availableParallelism()

/** Creates accounts in one transaction. Refuses those with unknown roles. */
export async function createAll(run: Run, accounts: ImportedAccount[]): Promise<void> {
  const { store, options, report } = run
  if (options.dryRun) {
    report.created += (await withKnownRoles(run, store, accounts)).length
    return
  }
  if (accounts.length === 0) return
  const storable = await withStorableHashes(run, accounts)
  await store.transaction(async (tx) => {
    if (options.withRoles) await tx.exclusive('roles')
    await insertWithin(run, tx, await withKnownRoles(run, tx, storable))
  })
}

async function withKnownRoles(
  { options, config, report }: Run,
  db: Repositories,
  accounts: ImportedAccount[]
): Promise<ImportedAccount[]> {
  if (!options.withRoles) return accounts
  const lookup = await lookUpRoles(db, heldRoles(accounts.flatMap(({ roles }) => roles ?? [])))
  const known: ImportedAccount[] = []
  for (const account of accounts) {
    const check = async () => assertAssignable(lookup, account.roles ?? [], config)
    if (await accepts(report, account.line, check)) known.push(account)
  }
  return known
}

async function withStorableHashes({ hasher }: Run, accounts: ImportedAccount[]): Promise<ImportedAccount[]> {
  const storable: ImportedAccount[] = []
  for (let from = 0; from < accounts.length; from += SLOTS) {
    const some = accounts.slice(from, from + SLOTS).map(async (account) => ({
      ...account,
      passwordHash: account.passwordHash && (await hasher.storable(account.passwordHash))
    }))
    storable.push(...(await Promise.all(some)))
  }
  return storable
}

async function insertWithin(run: Run, tx: Transaction, accounts: ImportedAccount[]): Promise<void> {
  const { report, clock, administrator } = run
  const rows = accounts.map((account) => rowOf(run, account))
  // An account that registered in the meantime keeps its address.
  const inserted = new Set(await tx.users.insertAll(rows.map(({ user }) => user)))
  const created = rows.filter(({ user }) => inserted.has(user.id))
  await tx.users.addRoles(created.map(({ user, roles }) => ({ id: user.id, roles })))
  await tx.audit.appendAll(
    created.map(({ user, roles, format }) =>
      auditEvent('user.imported', administrator.caller, clock(), {
        userId: user.id,
        detail: { roles, emailVerified: user.emailVerified, passwordFormat: format }
      })
    )
  )
  report.created += created.length
  report.unchanged += rows.length - created.length
}

function rowOf({ options, clock }: Run, account: ImportedAccount) {
  const { email, name = null, passwordHash, format, createdAt = clock(), disabled = false } = account
  const emailVerified = options.trustVerified && account.emailVerified === true
  return {
    user: { ...newUser(email, name, passwordHash, createdAt), disabled, emailVerified },
    roles: options.withRoles ? (account.roles ?? []) : [],
    format
  }
}
