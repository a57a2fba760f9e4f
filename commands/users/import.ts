import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { type Line, linesOf } from '../../domain/import/lines.ts'
import type { ImportOptions, ImportReport } from '../../domain/import/report.ts'
import { type Command, type CommandResult, type Terminal, UsageError } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'

/** Lines in one transaction, and milliseconds until the next, in which the service writes. */
const BATCH = 200
const PAUSE = 5

/** `gatehouse users import`: creates accounts from a file of another system. */
export const usersImport: Command = {
  name: 'users import',
  usage: 'FILE [--dry-run] [--update] [--with-roles] [--trust-verified]',
  summary:
    'create an account for each line of a JSON Lines file; --dry-run only reports, --update changes accounts that exist, --with-roles gives the roles of the file, --trust-verified takes its word that addresses are verified',
  words: 1,
  options: {
    'dry-run': { type: 'boolean' },
    update: { type: 'boolean' },
    'with-roles': { type: 'boolean' },
    'trust-verified': { type: 'boolean' }
  },
  async run(values, [file], { stderr }) {
    if (!file) throw new UsageError('FILE is needed: one JSON object a line')
    await requireFile(file)
    const options = {
      dryRun: values['dry-run'] === true,
      update: values.update === true,
      withRoles: values['with-roles'] === true,
      trustVerified: values['trust-verified'] === true
    }
    return withCore(async (app) => resultOf(file, options, await importFile(app, file, options, stderr)))
  }
}

async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined)
  if (!found) throw new Error(`There is no file ${file}`)
  if (found.isDirectory()) throw new Error(`${file} is a folder`)
}

async function importFile(
  app: FastifyInstance,
  file: string,
  options: ImportOptions,
  stderr: Terminal['stderr']
): Promise<ImportReport> {
  const { report, importLines } = app.accounts.startImport(options, operator)
  try {
    for await (const lines of batchesOf(linesOf(createReadStream(file)))) {
      await importLines(lines)
      showProgress(report, stderr)
      if (!options.dryRun) await pause(PAUSE)
    }
  } catch (error) {
    const { message } = error as Error
    throw new Error(
      `${message}. It stopped after ${report.created} new accounts: run it again, and it goes on.`,
      { cause: error }
    )
  } finally {
    if (stderr.isTTY) stderr.write('\r\x1b[K')
  }
  return report
}

async function* batchesOf(lines: AsyncIterable<Line>): AsyncGenerator<Line[]> {
  let batch: Line[] = []
  for await (const line of lines) {
    batch.push(line)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function showProgress({ lines, created, refused }: ImportReport, stderr: Terminal['stderr']): void {
  if (stderr.isTTY) stderr.write(`\r\x1b[K${lines} lines, ${created} new accounts, ${refused} refused`)
}

function resultOf(file: string, options: ImportOptions, report: ImportReport): CommandResult {
  const { dryRun } = options
  return {
    text: [summaryOf(file, dryRun, report), ...notesOn(report), ...refusalsIn(report)].join('\n'),
    json: { file, dryRun, ...report },
    exitCode: report.refused > 0 ? 1 : 0
  }
}

function summaryOf(file: string, dryRun: boolean, report: ImportReport): string {
  const { lines, created, updated, unchanged, refused } = report
  const counts = `${created} created, ${updated} changed, ${unchanged} left as they are, ${refused} refused`
  const nothing = created + updated === 0 ? ' Nothing was changed.' : ''
  return `${file}: lines: ${lines}; accounts: ${counts}.${dryRun ? ' This was a dry run: nothing was written.' : nothing}`
}

function notesOn({ rolesIgnored, verifiedIgnored }: ImportReport): string[] {
  return [
    rolesIgnored > 0 ? `Lines with roles, which need --with-roles: ${rolesIgnored}.` : '',
    verifiedIgnored > 0
      ? `Lines with a verified address, which need --trust-verified: ${verifiedIgnored}.`
      : ''
  ].filter(Boolean)
}

function refusalsIn({ refusals, refused }: ImportReport): string[] {
  const more = refused - refusals.length
  const named = refusals.map(({ line, reason }) => `Line ${line}: ${reason}.`.replace(/\.\.$/, '.'))
  return more > 0 ? [...named, `Refused lines that are not named here: ${more}.`] : named
}
