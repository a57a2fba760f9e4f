import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Simulates Docker by Linux namespaces. `npm run rehearse` runs it, `npm test` does not. */
const REHEARSAL = 'test/deploy/rehearsal.test.ts'
const FAST = ['domain', 'plugins', 'routes', 'store', 'verifier']
const STARTS_PROCESSES = /from '(node:child_process|playwright-core)'/
const CHANGES_ITS_PROCESS = /\bprocess\.(env|chdir|on|once)\b|^t\.\w+ = /m
const IMPORT = /from '(\.[^']+)'/g

/**
 * Returns the test files that the words name by path or folder. Without words, returns all but the rehearsal. Throws an Error
 * if a word names no file.
 */
export function select(words: string[]): string[] {
  const files = globSync('test/**/*.test.ts').sort()
  if (words.length === 0) return files.filter((file) => file !== REHEARSAL)
  return words.flatMap((word) => {
    const path = join(word).replace(/\/$/, '')
    const named = files.filter((file) => file === path || file.startsWith(`${path}/`))
    if (named.length === 0) throw new Error(`${word} names no test file`)
    return named
  })
}

/** Returns the test files of the `FAST` folders that start neither a process nor a browser. */
export function selectFast(): string[] {
  return select(FAST.map((folder) => `test/${folder}`)).filter((file) => !startsProcesses(file))
}

/** Says whether a test file needs a process of its own: it starts others, or it changes what the next file would see. */
export function runsAlone(file: string): boolean {
  return startsProcesses(file) || CHANGES_ITS_PROCESS.test(readFileSync(file, 'utf8'))
}

function startsProcesses(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || !file.startsWith('test/')) return false
  seen.add(file)
  const source = readFileSync(file, 'utf8')
  if (STARTS_PROCESSES.test(source)) return true
  const imported = Array.from(source.matchAll(IMPORT), ([, path = '']) => join(dirname(file), path))
  return imported.some((path) => startsProcesses(path, seen))
}
