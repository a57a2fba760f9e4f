import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Figure, isMet, type Result } from './figure.ts'
import { benchGuard } from './guard.ts'
import { benchLogin } from './login.ts'
import { benchMemory } from './memory.ts'
import { benchRefresh } from './refresh.ts'
import { benchRevocation } from './revocation.ts'
import { benchRotation } from './rotation.ts'
import { benchStart } from './start.ts'
import { benchToken } from './token.ts'
import { benchVerifier } from './verifier.ts'

/** `npm run bench [-- NAME …] [--json] [--strict]`: prints each figure with its peer or limit. NAME is a key of `benchmarks`. */
const benchmarks = {
  guard: benchGuard,
  login: benchLogin,
  memory: benchMemory,
  refresh: benchRefresh,
  revocation: benchRevocation,
  rotation: benchRotation,
  start: benchStart,
  token: benchToken,
  verifier: benchVerifier
}

/** Benchmarks that take minutes: they run only if they are named. */
const byNameOnly = new Set(['rotation'])

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, strict: { type: 'boolean' } },
  allowPositionals: true
})
const unknown = positionals.filter((name) => !Object.hasOwn(benchmarks, name))
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}; there are ${Object.keys(benchmarks).join(', ')}`
  )
  process.exit(2)
}

const machine = {
  node: process.version,
  cores: availableParallelism(),
  /** The load average before the run: other programs change every figure. */
  loadBefore: Math.round(10 * (loadavg()[0] ?? 0)) / 10
}
const results: Result[] = []
for (const [name, bench] of Object.entries(benchmarks)) {
  if (positionals.length > 0 ? !positionals.includes(name) : byNameOnly.has(name)) continue
  if (!values.json) process.stderr.write(`measuring ${name} …\n`)
  results.push(...(await bench()))
}

console.log(
  values.json ? JSON.stringify({ machine, results: results.map(withVerdict) }, null, 2) : renderTable(results)
)
if (values.strict && results.some((result) => !isSkipped(result) && isMet(result) === false))
  process.exitCode = 1

function isSkipped(result: Result): result is Extract<Result, { skipped: string }> {
  return 'skipped' in result
}

function withVerdict(result: Result) {
  return isSkipped(result) ? result : { ...result, met: isMet(result) ?? null }
}

function renderTable(all: Result[]): string {
  const { node, cores, loadBefore } = machine
  const head = [
    `Node ${node}, ${cores} cores, load ${loadBefore} before`,
    'ours',
    'beside',
    'ratio',
    '(of rounds)',
    'target',
    '',
    ''
  ]
  const rows = [head, ...all.map((result) => (isSkipped(result) ? skippedRow(result) : row(result)))]
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows
    .map((cells) =>
      cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

function skippedRow({ name, skipped }: Extract<Result, { skipped: string }>): string[] {
  return [name, '-', `skipped: ${skipped}`]
}

function row(figure: Figure): string[] {
  const { name, unit, ours, peer, ratio, spread, target, note = '' } = figure
  const met = isMet(figure)
  const verdict = met === undefined ? '' : met ? 'ok' : 'short'
  const beside = `${quantity(peer.value, unit)} ${peer.name}`
  return [name, quantity(ours, unit), beside, ratio.toFixed(2), range(spread), bound(target), verdict, note]
}

function bound(target: Figure['target']): string {
  if (!target) return ''
  return 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`
}

function range([least, greatest]: Figure['spread']): string {
  return least === greatest ? '' : `${least.toFixed(2)}-${greatest.toFixed(2)}`
}

function quantity(value: number, unit: string): string {
  const digits = value < 100 ? 1 : 0
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`.replace(' /', '/')
}
