import { Parser, type Result } from 'tap-parser'

/** What one test file printed. */
export interface Results {
  path: string
  seconds: number
  /** The leaf tests and the skipped tests: neither the groups above them nor the assertions in them. */
  tests: Result[]
  /** The failed assertions, and the faults of the TAP output itself. */
  broken: Array<Pick<Result, 'fullname' | 'diag'>>
}

const END = /^# end of (\S+) after (\S+) s$/

/** Returns the comment that ends the output of a test file. */
export function endOf(path: string, seconds: number): string {
  return `end of ${path} after ${seconds.toFixed(1)} s`
}

/** Parses what a process printed that ran test files one after the other. A file that did not end is broken. */
export function readResults(tap: string, paths: string[]): Results[] {
  const files: Results[] = []
  const current: Pick<Results, 'tests' | 'broken'> = { tests: [], broken: [] }
  const parser = new Parser(({ failures }) => {
    for (const failure of failures)
      if ('tapError' in failure && failure.tapError)
        current.broken.push({ fullname: '', diag: { tapError: failure.tapError } })
  })
  parser.on('comment', (comment: string) => {
    const [, path, seconds] = END.exec(comment.trim()) ?? []
    if (path === undefined) return
    files.push({
      path,
      seconds: Number(seconds),
      tests: current.tests.splice(0),
      broken: current.broken.splice(0)
    })
  })
  collect(parser, current)
  parser.end(tap)

  for (const path of paths.slice(files.length)) {
    const broken = [...current.broken.splice(0), { fullname: 'the file did not end', diag: {} }]
    files.push({ path, seconds: 0, tests: current.tests.splice(0), broken })
  }
  files.at(-1)?.broken.push(...current.broken)
  return files
}

function collect(parser: Parser, found: Pick<Results, 'tests' | 'broken'>): () => boolean {
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
