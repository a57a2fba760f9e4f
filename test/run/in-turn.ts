import { once } from 'node:events'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { endOf } from './results.ts'

/** Runs the test files that the arguments name, one after the other, in this process. Prints a comment at the end of each. */
for (const path of process.argv.slice(2)) {
  const began = performance.now()
  await import(pathToFileURL(resolve(path)).href)
  while (!t.idle) await once(t, 'idle')
  t.comment(endOf(path, (performance.now() - began) / 1000))
}
