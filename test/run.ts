import { mkdirSync } from 'node:fs'
import { inspect, parseArgs } from 'node:util'
import type { Result } from 'tap-parser'
import { LEFT_OUT } from './harness/left-out.ts'
import { batchesOf } from './run/batches.ts'
import { runProcess } from './run/process.ts'
import type { Results } from './run/results.ts'
import { select, selectFast } from './run/selection.ts'
import { longestFirst, note } from './run/times.ts'

/**
 * Runs test files, several at once. Lists what failed and what was skipped, and why. Ends with the line `N passed, N failed`.
 * With CI=true, a skipped test counts as failed, because CI has everything that the suite needs. A `todo` always counts as
 * failed.
 *
 *     node test/run.ts [--fast] [--jobs 3] [test/routes test/flows/refresh.test.ts]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fast: { type: 'boolean', default: false }, jobs: { type: 'string', default: '3' } }
})
const env: Record<string, string> = values.fast ? { ENGINE: 'sqlite' } : {}

mkdirSync('.tap', { recursive: true })
const waiting = batchesOf(longestFirst(values.fast ? selectFast() : select(positionals)))
const runs: Results[] = []
await Promise.all(Array.from({ length: Number(values.jobs) }, runNext))
note(runs)
process.exitCode = report(runs) ? 0 : 1

async function runNext(): Promise<void> {
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const { files, stderr } = await runProcess(batch, env)
    runs.push(...files)
    for (const file of files) explain(file)
    if (stderr !== '') print(stderr.trimEnd())
  }
}

function explain({ path, seconds, tests, broken }: Results): void {
  const isWell = broken.length === 0 && tests.every(({ todo }) => !todo)
  print(`${isWell ? 'ok    ' : 'failed'} ${seconds.toFixed(1).padStart(6)} s  ${path}`)
  for (const { fullname, diag } of broken)
    print(`failed: ${path}: ${fullname}\n${inspect(diag, { depth: null })}`)
}

/** Prints the summary, and returns whether no test failed. */
function report(all: Results[]): boolean {
  const tests = all.flatMap((run) => run.tests)
  const leftOut = tests.filter(({ skip }) => skip === LEFT_OUT)
  const skipped = tests.filter(({ skip }) => skip && skip !== LEFT_OUT)
  const passed = tests.filter(isPassed).length
  const silent = all.filter(({ broken, tests }) => broken.length > 0 && tests.every(({ ok }) => ok)).length
  const failed = tests.filter(({ ok, todo }) => !ok || todo).length + silent

  for (const { fullname, skip } of skipped) print(`skipped: ${fullname}: ${skip}`)
  if (leftOut.length > 0) print(`PostgreSQL was left out: ${leftOut.length} tests are for it alone.`)
  const total = failed + (process.env.CI === 'true' ? skipped.length : 0)
  print(`${passed} passed, ${total} failed`)
  return total === 0
}

function isPassed({ ok, skip, todo }: Result): boolean {
  return ok && !skip && !todo
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
