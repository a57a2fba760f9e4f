import { spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { Parser, type Result } from 'tap-parser'

/**
 * Runs the whole suite by tap, lists what was skipped and why, and ends with the line `N passed, N failed`. With CI=true
 * a skipped test is a failed one: there, everything that the suite needs is installed. What is yet to do is failed anywhere.
 */
const OUTPUT = '.tap/results.tap'

await mkdir('.tap', { recursive: true })
const exitCode = await runTap(process.argv.slice(2))
const tests = readTests(await readFile(OUTPUT, 'utf8'))
const skipped = tests.filter(({ skip }) => skip)
const passed = tests.filter(({ ok, skip, todo }) => ok && !skip && !todo).length
const failed =
  tests.filter(({ ok, todo }) => !ok || todo).length + (process.env.CI === 'true' ? skipped.length : 0)

// tap's reporter leaves the cursor's escape codes on its last line.
process.stdout.write('\n')
for (const { fullname, skip } of skipped) process.stdout.write(`skipped: ${fullname}: ${skip}\n`)
process.stdout.write(`${passed} passed, ${failed === 0 && exitCode !== 0 ? 1 : failed} failed\n`)
process.exitCode = failed > 0 || exitCode !== 0 ? 1 : 0

function runTap(args: string[]): Promise<number> {
  const words = ['run', '--reporter=terse', `--output-file=${OUTPUT}`, ...args]
  const child = spawn('tap', words, { stdio: 'inherit' })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

/** The tests at the ends of the tree, and those skipped: neither the groups above them nor the assertions in them. */
function readTests(tap: string): Result[] {
  const tests: Result[] = []
  const parser = new Parser()
  collect(parser, tests)
  parser.end(tap)
  return tests
}

function collect(parser: Parser, tests: Result[]): () => boolean {
  let hasSubtests = false
  let subtestIsGroup: (() => boolean) | undefined
  parser.on('child', (child: Parser) => {
    hasSubtests = true
    subtestIsGroup = collect(child, tests)
  })
  parser.on('assert', (result: Result) => {
    if (result.skip || (subtestIsGroup && !subtestIsGroup())) tests.push(result)
    subtestIsGroup = undefined
  })
  return () => hasSubtests
}
