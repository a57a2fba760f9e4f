import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { outcomes } from '../plugins/metrics/outcome.ts'
import { build, type Teardown } from './harness/build.ts'
import { type Engine, engines } from './harness/engines.ts'
import { type Family, parseExposition } from './harness/exposition.ts'
import { valkey } from './harness/valkey.ts'

const TOKEN = 'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kEa'
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

/** What is exposed at the second scrape, when the first has been measured. */
async function expose(t: Teardown, engine: Engine, REDIS_URL?: string): Promise<Map<string, Family>> {
  const env = { AUTH_METRICS: TOKEN, ...(REDIS_URL && { REDIS_URL }) }
  const { app } = await build(t, { engine, env })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const scrape = async () =>
    (await fetch(`${origin}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  await scrape()
  return parseExposition(await scrape())
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

t.test('an alert names metrics and label values that there are', async (t) => {
  const exposed = await expose(t, engines[0] as Engine)
  const [, yaml = ''] = /```yaml\n(groups:.*?)```/s.exec(text) ?? []
  const rules: Array<{ alert: string; expr: string }> = parse(yaml).groups[0].rules
  t.ok(rules.length >= 5)
  for (const { alert, expr } of rules) {
    const named = [
      ...expr.matchAll(/(gatehouse_\w+?)(?:_bucket|_count)?(?:\{(\w+)=~?"([^"]+)"\})?(?=[^\w{])/g)
    ]
    t.ok(named.length > 0, alert)
    for (const [, name = '', label, values = ''] of named) {
      const samples = exposed.get(name)?.samples ?? []
      t.ok(exposed.has(name), `${alert}: ${name}`)
      if (label === undefined || label === 'status') continue
      const known = samples.map(({ labels }) => labels[label])
      for (const value of values.split('|')) t.ok(known.includes(value), `${alert}: ${label} ${value}`)
    }
  }
})
