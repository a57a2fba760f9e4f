import { mkdirSync } from 'node:fs'
import { inspect, parseArgs } from 'node:util'
import type { Result } from 'tap-parser'
import { LEFT_OUT } from './harness/left-out.ts'
import { type FileRun, runFile } from './run/file.ts'
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
const waiting = longestFirst(values.fast ? selectFast() : select(positionals))
const runs: FileRun[] = []
await Promise.all(Array.from({ length: Number(values.jobs) }, runNext))
note(runs)
process.exitCode = report(runs) ? 0 : 1

async function runNext(): Promise<void> {
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const run = await runFile(path, env)
    runs.push(run)
    print(`${run.isWell ? 'ok    ' : 'failed'} ${run.seconds.toFixed(1).padStart(6)} s  ${path}`)
    if (!run.isWell) explain(run)
  }
}

function explain({ path, broken, stderr }: FileRun): void {
  for (const { fullname, diag } of broken)
    print(`failed: ${path}: ${fullname}\n${inspect(diag, { depth: null })}`)
  if (stderr !== '') print(stderr.trimEnd())
}

/** Prints the summary, and returns whether no test failed. */
function report(all: FileRun[]): boolean {
  const tests = all.flatMap((run) => run.tests)
  const leftOut = tests.filter(({ skip }) => skip === LEFT_OUT)
  const skipped = tests.filter(({ skip }) => skip && skip !== LEFT_OUT)
  const passed = tests.filter(isPassed).length
  const silent = all.filter(({ isWell, tests }) => !isWell && tests.every(isPassed)).length
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
