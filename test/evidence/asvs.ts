import { differencesOf, faultsOf, type Required, type Requirement } from './entries.ts'
import { escapeCell, linkOf } from './references.ts'

const CHAPTERS: Record<string, string> = {
  1: 'Encoding',
  2: 'Validation and rules',
  3: 'Browsers',
  4: 'HTTP and API',
  6: 'Signing in',
  7: 'Sessions',
  8: 'Authorization',
  9: 'Signed tokens',
  10: 'OAuth',
  11: 'Cryptography',
  13: 'Configuration',
  14: 'Data',
  15: 'Code and concurrency',
  16: 'Logs and errors'
}
const LEVELS = [1, 2, 3] as const

const PREAMBLE = `# OWASP ASVS 5.0, row by row

This page lists what
[OWASP ASVS](https://owasp.org/www-project-application-security-verification-standard/) 5.0.0 requires of a service like
Gatehouse, in our own words. Each row names the test or the section that shows it. \`npm run evidence\` writes this page from
[evidence/asvs.yaml](evidence/asvs.yaml). The suite fails if a row names a test or a section that does not exist.

- **held**: the evidence shows all of the requirement. **partly**: the note says what is missing.
- **open**: no evidence shows it yet. **waits for**: it needs a feature that Gatehouse does not have.
- Requirements that no such service can meet are left out, such as those on pages, GraphQL or text messages.`

/** Returns what is wrong with the rows, apart from what they refer to. */
export function faultsOfRequirements(rows: Requirement[], required: Required): string[] {
  const ids = rows.map(({ id }) => id)
  return [
    ...differencesOf(ids, [...levelsOf(required.applies, required.extra, required.later).keys()]),
    ...rows.flatMap(({ id, ...proof }) => faultsOf({ name: id, ...proof }))
  ]
}

/** Returns the text of docs/asvs.md. */
export function asvsPage(rows: Requirement[], required: Required): string {
  const levels = levelsOf(required.applies, required.extra, required.later)
  const [now, extra] = [levelsOf(required.applies), levelsOf(required.extra)]
  const applying = rows.filter(({ id }) => now.has(id))
  const waiting = rows.filter(({ id, status }) => !now.has(id) && status.startsWith('waits'))
  const sums = [
    ...LEVELS.map((level) => [String(level), applying.filter(({ id }) => now.get(id) === level)] as const),
    ['1 to 3', applying] as const,
    ['extra', rows.filter(({ id }) => extra.has(id))] as const
  ]
  const chapters = Object.entries(CHAPTERS).map(([number, title]) => {
    const chosen = rows.filter((row) => row.id.startsWith(`${number}.`) && !waiting.includes(row))
    return chapterOf(`${number} ${title}`, chosen, levels)
  })
  const parts = [
    PREAMBLE,
    table('| level | held | partly | open | waits | rows |', sums.map(sumOf)),
    'Level 1 to 3 are the rows that apply now; extra rows are those of chapters that are about more than signing in.',
    ...chapters,
    '## Waiting for a feature',
    table(
      '| row | level | asks | waits for |',
      waiting.map((row) => waitingLine(row, levels))
    )
  ]
  return `${parts.join('\n\n')}\n`
}

function chapterOf(title: string, rows: Requirement[], levels: Map<string, number>): string {
  const lines = rows.map(({ id, asks, status, note, evidence = [] }) => {
    const shown = [...evidence.map(linkOf), ...(note ? [escapeCell(note)] : [])].join('<br>')
    return `| ${id} | ${levels.get(id)} | ${escapeCell(asks)} | ${status} | ${shown} |`
  })
  return `## ${title}\n\n${table('| row | level | asks | status | shown by |', lines)}`
}

function waitingLine({ id, asks, status }: Requirement, levels: Map<string, number>): string {
  return `| ${id} | ${levels.get(id)} | ${escapeCell(asks)} | ${status.replace('waits for ', '')} |`
}

function sumOf([name, rows]: readonly [string, Requirement[]]): string {
  const count = (status: string) => rows.filter((row) => row.status.startsWith(status)).length
  return `| ${[name, ...['held', 'partly', 'open', 'waits'].map(count), rows.length].join(' | ')} |`
}

function table(header: string, lines: string[]): string {
  return [header, header.replaceAll(/[^|]+/g, ' --- '), ...lines].join('\n')
}

function levelsOf(...groups: Array<Required['applies']>): Map<string, number> {
  return new Map(
    groups.flatMap((group) => LEVELS.flatMap((level) => group[level].map((id) => [id, level] as const)))
  )
}
