import { spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { Parser, type Result } from 'tap-parser'

/**
 * Runs the whole suite by tap, lists what failed and what was skipped, and why, and ends with the line
 * `N passed, N failed`. With CI=true a skipped test is a failed one: there, everything that the suite needs is
 * installed. What is yet to do is failed anywhere.
 */
const OUTPUT = '.tap/results.tap'
const COVERAGE = '--no-disable-coverage'
/** tap has every process of the suite note the lines of each file it loads, a fifth of its start: coverage alone asks. */
const NOTE_NOTHING = '_TAPJS_PROCESSINFO_EXCLUDE_=/./'

await mkdir('.tap', { recursive: true })
const exitCode = await runTap(process.argv.slice(2))
const { tests, broken } = readTests(await readFile(OUTPUT, 'utf8'))
const skipped = tests.filter(({ skip }) => skip)
const passed = tests.filter(({ ok, skip, todo }) => ok && !skip && !todo).length
const failed =
  tests.filter(({ ok, todo }) => !ok || todo).length + (process.env.CI === 'true' ? skipped.length : 0)

// tap's reporter leaves the cursor's escape codes on its last line.
process.stdout.write('\n')
for (const { fullname, diag } of broken)
  process.stdout.write(`failed: ${fullname}\n${inspect(diag, { depth: null })}\n`)
for (const { fullname, skip } of skipped) process.stdout.write(`skipped: ${fullname}: ${skip}\n`)
process.stdout.write(`${passed} passed, ${failed === 0 && exitCode !== 0 ? 1 : failed} failed\n`)
process.exitCode = failed > 0 || exitCode !== 0 ? 1 : 0

function runTap(args: string[]): Promise<number> {
  const notes = args.includes(COVERAGE) ? [] : [`--test-env=${NOTE_NOTHING}`]
  const words = ['run', '--reporter=terse', `--output-file=${OUTPUT}`, ...notes, ...args]
  // Hundreds of processes load the same files: each strips and compiles them once less.
  const env = { ...process.env, NODE_COMPILE_CACHE: resolve('.tap/compile-cache') }
  const child = spawn('tap', words, { stdio: 'inherit', env })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

interface Tests {
  /** Those at the ends of the tree, and those skipped: neither the groups above them nor the assertions in them. */
  tests: Result[]
  /** What failed in them, by the assertion. */
  broken: Result[]
}

function readTests(tap: string): Tests {
  const found: Tests = { tests: [], broken: [] }
  const parser = new Parser()
  collect(parser, found)
  parser.end(tap)
  return found
}

function collect(parser: Parser, found: Tests): () => boolean {
  let hasSubtests = false
  let subtestIsGroup: (() => boolean) | undefined
  parser.on('child', (child: Parser) => {
    hasSubtests = true
    subtestIsGroup = collect(child, found)
  })
  parser.on('assert', (result: Result) => {
    if (result.skip || (subtestIsGroup && !subtestIsGroup())) found.tests.push(result)
    if (!(result.ok || result.skip)) found.broken.push(result)
    subtestIsGroup = undefined
  })
  return () => hasSubtests
}
