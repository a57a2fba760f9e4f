import { readFile } from 'node:fs/promises'
import t from 'tap'
import { outcomes } from '../plugins/metrics/outcome.ts'
import { engines } from './harness/engines.ts'
import { expose } from './harness/expose.ts'
import type { Family } from './harness/exposition.ts'
import { valkey } from './harness/valkey.ts'

/** What one engine, one platform or one setting alone has, as its description says. */
const CONDITION = /\((SQLite|PostgreSQL|Linux|with `REDIS_URL`)\)$/

const text = await readFile(new URL('../docs/metrics.md', import.meta.url), 'utf8')

/** The rows of every table below this line, each as its cells. */
function rowsBelow(header: string): string[][] {
  const tables = text.split(`${header}\n`).slice(1)
  return tables.flatMap((table) => {
    const [rows = ''] = table.split('\n\n')
    const cells = (row: string) => row.split('|').slice(1, -1)
    return rows
      .split('\n')
      .slice(1)
      .map((row) => cells(row).map((cell) => cell.trim()))
  })
}

const documented = rowsBelow('| metric | type | labels | tells |').map(
  ([name = '', type = '', labels = '', tells = '']) => ({
    name: name.replaceAll('`', ''),
    type,
    labels: labels
      .replaceAll('`', '')
      .split(', ')
      .filter((label) => label !== ''),
    condition: CONDITION.exec(tells)?.[1]
  })
)

const described = ({ name, type, labels }: Omit<(typeof documented)[number], 'condition'>) =>
  `${name} ${type} {${labels.toSorted()}}`

/** What has no series at this moment has no label to be wrong. */
function labelsOf({ name, samples }: Family): string[] {
  if (samples.length === 0) return documented.find((row) => row.name === name)?.labels ?? []
  const names = new Set(samples.flatMap(({ labels }) => Object.keys(labels)))
  return [...names].filter((label) => label !== 'le' && label !== 'quantile')
}

for (const engine of engines) {
  t.test(`docs/metrics.md is what ${engine.name} exposes`, { skip: engine.missing }, async (t) => {
    const redis = valkey.missing ? undefined : (await valkey.start(t)).url
    const exposed = [...(await expose(t, engine, redis)).values()].map((family) =>
      described({ ...family, labels: labelsOf(family) })
    )
    const conditions = [
      engine.name === 'sqlite' ? 'SQLite' : 'PostgreSQL',
      ...(process.platform === 'linux' ? ['Linux'] : []),
      ...(redis ? ['with `REDIS_URL`'] : [])
    ]
    const expected = documented.filter(({ condition }) => !condition || conditions.includes(condition))
    t.strictSame(exposed.sort(), expected.map(described).sort())
  })
}

t.test('every outcome has its row', async (t) => {
  t.strictSame(
    rowsBelow('| outcome | means |').map(([outcome]) => outcome),
    outcomes.map((outcome) => `\`${outcome}\``)
  )
})
