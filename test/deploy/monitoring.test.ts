import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { postgres, sqlite } from '../harness/engines.ts'
import { expose } from '../harness/expose.ts'
import type { Family } from '../harness/exposition.ts'
import { parseQuery, type Selector } from '../harness/promql.ts'
import { valkey } from '../harness/valkey.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string }
}
const rules: Rule[] = parse(read('deploy/prometheus/alerts.yml')).groups[0].rules

interface Panel {
  title: string
  gridPos: { x: number; y: number }
  targets: Array<{ expr: string; legendFormat: string }>
}
const panels: Panel[] = JSON.parse(read('deploy/grafana/gatehouse.json')).panels

/** Prometheus adds these to every series. */
const SCRAPED = ['instance', 'job']
/** An instance without requests has no 5xx. */
const PATTERNS = ['5..']

const queries = [
  ...rules.map(({ alert, expr }) => ({ name: alert, expr })),
  ...panels.flatMap(({ title, targets }) =>
    // Grafana chooses the interval.
    targets.map(({ expr }) => ({ name: title, expr: expr.replaceAll('$__rate_interval', '5m') }))
  )
]

const missing = postgres.missing || valkey.missing

t.test('alerts and dashboard ask for what /metrics exposes', { skip: missing }, async (t) => {
  const families = [
    ...(await expose(t, sqlite)).values(),
    ...(await expose(t, postgres, (await valkey.start(t)).url)).values()
  ]
  const series = families.flatMap(({ samples }) => samples)
  const faultsOf = ({ metric, matchers }: Selector) => {
    if (metric === 'up') return []
    const those = series.filter(({ name }) => name === metric)
    if (those.length === 0) return [`${metric} is not exposed`]
    return matchers
      .filter(({ label }) => !SCRAPED.includes(label))
      .flatMap(({ label, values }) => values.map((value) => ({ label, value })))
      .filter(({ value }) => !PATTERNS.includes(value))
      .filter(({ label, value }) => !those.some(({ labels }) => labels[label] === value))
      .map(({ label, value }) => `${metric} has no ${label} ${value}`)
  }
  const labelsOf = (metrics: string[]) =>
    series.filter(({ name }) => metrics.includes(name)).flatMap(({ labels }) => Object.keys(labels))

  for (const { name, expr } of queries) {
    t.test(`${name}: ${expr}`, async (t) => {
      const { selectors, groupings } = parseQuery(expr)
      t.ok(selectors.length > 0)
      t.strictSame(selectors.flatMap(faultsOf), [])
      const known = [...SCRAPED, ...labelsOf(selectors.map(({ metric }) => metric))]
      t.strictSame(
        groupings.filter((label) => !known.includes(label)),
        []
      )
    })
  }

  t.test('a rate is of a counter, and only of one', async (t) => {
    const typeOf = (metric: string) => families.find((family) => belongsTo(family, metric))?.type
    for (const { name, expr } of queries)
      for (const [, metric = ''] of expr.matchAll(/(?:rate|increase)\((\w+)/g))
        t.match(typeOf(metric), /^(counter|histogram)$/, `${name}: ${metric}`)
  })
})

function belongsTo({ name }: Family, metric: string): boolean {
  return [name, `${name}_bucket`, `${name}_count`, `${name}_sum`].includes(metric)
}

t.test('every alert has a severity, a summary and a row in docs/metrics.md', async (t) => {
  const [, table = ''] = read('docs/metrics.md').split('| alert | severity | if |\n')
  const rows = [...table.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, alert, severity]) => [
    alert,
    severity
  ])
  t.strictSame(
    rows,
    rules.map(({ alert, labels }) => [alert, labels.severity])
  )
  for (const { alert, annotations } of rules) t.ok(annotations.summary.length > 20, alert)
})

t.test('no two panels of the dashboard have the same name or place', async (t) => {
  t.ok(panels.length >= 10)
  t.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  t.equal(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size, panels.length)
})

t.test('a query with wrong syntax is found', async (t) => {
  for (const wrong of ['up{job="x"', 'sum(up) >', 'rate(up[5])x', 'up by'])
    t.throws(() => parseQuery(wrong), wrong)
})
