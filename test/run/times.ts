import { readFileSync, writeFileSync } from 'node:fs'

const NOTES = '.tap/times.json'

/** Returns the files, those that took longest the last time first: this order makes the whole run shortest. */
export function longestFirst(files: string[]): string[] {
  const seconds = read()
  const of = (file: string) => seconds[file] ?? Number.POSITIVE_INFINITY
  return files.toSorted((a, b) => (of(a) === of(b) ? 0 : of(b) - of(a)))
}

/** Stores how many seconds each file took, for the next run. */
export function note(runs: Array<{ path: string; seconds: number }>): void {
  const took = Object.fromEntries(runs.map(({ path, seconds }) => [path, seconds]))
  writeFileSync(NOTES, JSON.stringify({ ...read(), ...took }, null, 2))
}

function read(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(NOTES, 'utf8'))
  } catch {
    return {}
  }
}
