import { spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'

/**
 * Runs the whole suite by tap, lists what was skipped and why, and ends with the line `N passed, N failed`. With CI=true
 * a skipped test is a failed one: there, everything that the suite needs is installed.
 */
const OUTPUT = '.tap/results.tap'

await mkdir('.tap', { recursive: true })
const exitCode = await runTap(process.argv.slice(2))
const tests = readTests(await readFile(OUTPUT, 'utf8'))
const skipped = tests.filter(({ skip }) => skip !== undefined)
const failed = tests.filter(({ ok }) => !ok).length + (process.env.CI === 'true' ? skipped.length : 0)
const passed = tests.filter(({ ok, skip }) => ok && skip === undefined).length

for (const { name, skip } of skipped) process.stdout.write(`skipped: ${name}: ${skip}\n`)
process.stdout.write(`${passed} passed, ${exitCode !== 0 && failed === 0 ? 1 : failed} failed\n`)
process.exitCode = exitCode !== 0 || failed > 0 ? 1 : 0

function runTap(args: string[]): Promise<number> {
  const child = spawn('tap', ['run', '--reporter=terse', `--output-file=${OUTPUT}`, ...args], { stdio: 'inherit' })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
}

interface Test {
  name: string
  ok: boolean
  skip: string | undefined
}

// A test is a point that closes a subtest inside a file, or one that was skipped; assertions are not counted.
function readTests(tap: string): Test[] {
  const lines = tap.split('\n')
  return lines.flatMap((line, index) => {
    const match = /^( {4,})(not ok|ok) \d+ - (.*)$/.exec(line)
    if (!match) return []
    const [, indent = '', verdict, rest = ''] = match
    const skip = /# SKIP ?(.*)$/.exec(rest)?.[1]
    const name = rest.replace(/\s+#.*$/, '').replace(/ \{$/, '')
    if (skip === undefined && !closesLeaf(lines, index, indent)) return []
    return [{ name, ok: verdict === 'ok', skip }]
  })
}

// tap writes a subtest's own points, one level deeper, before the point that closes it.
function closesLeaf(lines: string[], index: number, indent: string): boolean {
  let body = index - 1
  while (body >= 0 && !new RegExp(`^${indent}(# Subtest|ok|not ok)`).test(lines[body] as string)) body -= 1
  const within = lines.slice(body + 1, index)
  const isSubtest = new RegExp(`^${indent}# Subtest`).test(lines[body] ?? '')
  return isSubtest && within.some((line) => new RegExp(`^${indent} {4}1\\.\\.`).test(line)) && !hasSubtests(within, indent)
}

function hasSubtests(lines: string[], indent: string): boolean {
  return lines.some((line) => line.startsWith(`${indent}    # Subtest`))
}
