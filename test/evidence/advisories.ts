import { type Advisory, differencesOf, faultsOf, type Required } from './entries.ts'
import { escapeCell, linkOf } from './references.ts'

const PREAMBLE = `# Faults of other systems, tried here

This page lists published faults of libraries and services like Gatehouse, in our own words. For each fault, it names the
test that shows that Gatehouse does not have it. If a fault cannot apply, the row says why. \`npm run evidence\` writes this
page from [evidence/advisories.yaml](evidence/advisories.yaml). The suite fails if a row names a test that does not exist.`

const nameOf = ({ product, ids }: Advisory) => `${product} ${ids[0]}`

/** Returns what is wrong with the rows, apart from what they refer to. */
export function faultsOfAdvisories(rows: Advisory[], { advisories }: Required): string[] {
  return [
    ...differencesOf(rows.map(nameOf), advisories),
    ...rows.flatMap((row) => faultsOf({ name: nameOf(row), ...row }))
  ]
}

/** Returns the text of docs/advisories.md. */
export function advisoriesPage(rows: Advisory[]): string {
  const count = (status: string) => rows.filter((row) => row.status.startsWith(status)).length
  const sum = `${rows.length} rows: ${count('held')} held, ${count('partly')} partly, ${count('open')} open, ${count('waits')} waiting for a feature, ${count('cannot')} that cannot apply.`
  const lines = rows.map(({ product, ids, fault, status, note, evidence = [] }) => {
    const shown = [...evidence.map(linkOf), ...(note ? [escapeCell(note)] : [])].join('<br>')
    return `| ${product} | ${ids.join(', ')} | ${escapeCell(fault)} | ${status} | ${shown} |`
  })
  const header = '| product | advisory | fault | status | shown by |\n| --- | --- | --- | --- | --- |'
  return `${[PREAMBLE, sum, [header, ...lines].join('\n')].join('\n\n')}\n`
}
