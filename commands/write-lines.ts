import { createWriteStream, existsSync, rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Writes each item as a line of JSON to a new file (0600), or to standard output. Returns the number of lines. */
export async function writeLines(items: AsyncIterable<object>, file: string | undefined): Promise<number> {
  const count = { lines: 0 }
  const lines = Readable.from(linesOf(items, count))
  if (file === undefined) await pipeline(lines, process.stdout, { end: false }).catch(unlessClosed)
  else await writeFile(lines, file)
  return count.lines
}

async function* linesOf(items: AsyncIterable<object>, count: { lines: number }): AsyncGenerator<string> {
  for await (const item of items) {
    count.lines += 1
    yield `${JSON.stringify(item)}\n`
  }
}

// A half-written file would pass for a whole one. `flush` waits until the file is on disk.
async function writeFile(lines: Readable, file: string): Promise<void> {
  if (existsSync(file)) throw new Error(`${file} exists already: the lines are written to a new file`)
  try {
    await pipeline(lines, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(file, { force: true })
    throw error
  }
}

// A reader such as `head` closes the pipe when it has enough.
function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
