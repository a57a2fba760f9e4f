import type { Administrator } from '../roles/authority.ts'
import { updateExisting } from './existing-accounts.ts'
import { FirstLines } from './first-lines.ts'
import type { Line } from './lines.ts'
import { createAll } from './new-accounts.ts'
import { type ImportedAccount, LineRefused, readAccount } from './record.ts'
import { emptyReport, type ImportOptions, type ImportReport, refuse } from './report.ts'
import type { ImportParts, Run } from './run.ts'

/** An import that has begun. */
export interface AccountImport {
  report: ImportReport
  /** Imports some lines, the new accounts in one transaction. A refused line stops no other. */
  importLines(lines: Line[]): Promise<void>
}

export type StartImport = ReturnType<typeof createAccountImport>

/** Lets the operator bring accounts of another system. An import that was interrupted can be repeated. */
export function createAccountImport(parts: ImportParts) {
  return (options: ImportOptions, administrator: Administrator): AccountImport => {
    const run: Run = { ...parts, options, administrator, report: emptyReport() }
    const firstLines = new FirstLines()
    return {
      report: run.report,
      importLines: (lines) =>
        importAccounts(
          run,
          lines.flatMap((line) => admit(run, line, firstLines) ?? [])
        )
    }
  }
}

async function importAccounts(run: Run, accounts: ImportedAccount[]): Promise<void> {
  const found = await run.store.users.findByEmails(accounts.map(({ email }) => email))
  const existing = new Map(found.map((user) => [user.email, user]))
  const isNew = ({ email }: ImportedAccount) => !existing.has(email)
  await createAll(run, accounts.filter(isNew))
  for (const account of accounts) {
    const user = existing.get(account.email)
    if (user) await updateExisting(run, user, account)
  }
}

function admit(
  { report, options, clock }: Run,
  line: Line,
  firstLines: FirstLines
): ImportedAccount | undefined {
  report.lines += 1
  try {
    if ('fault' in line) throw new LineRefused(line.fault)
    const account = readAccount(line.text, line.number, clock())
    const first = firstLines.note(account.email, line.number)
    if (first !== undefined) throw new LineRefused(`email: it is the address of line ${first}`)
    if (account.roles?.length && !options.withRoles) report.rolesIgnored += 1
    if (account.emailVerified && !options.trustVerified) report.verifiedIgnored += 1
    return account
  } catch (error) {
    if (!(error instanceof LineRefused)) throw error
    refuse(report, line.number, error.message)
    return undefined
  }
}
