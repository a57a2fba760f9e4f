import { Parser, type Result } from 'tap-parser'

export interface Results {
  /** The leaf tests and the skipped tests: neither the groups above them nor the assertions in them. */
  tests: Result[]
  /** The failed assertions, and the faults of the TAP output itself. */
  broken: Array<Pick<Result, 'fullname' | 'diag'>>
}

/** Parses the TAP output of one test file. */
export function readResults(name: string, tap: string): Results {
  const found: Results = { tests: [], broken: [] }
  const parser = new Parser({ name }, ({ failures }) => {
    for (const failure of failures)
      if ('tapError' in failure) found.broken.push({ fullname: name, diag: { tapError: failure.tapError } })
  })
  collect(parser, found)
  parser.end(tap)
  return found
}

function collect(parser: Parser, found: Results): () => boolean {
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
