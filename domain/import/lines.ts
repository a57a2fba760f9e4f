const NEWLINE = 0x0a
/** Bytes of a line, without its end. The largest possible account takes a sixth. */
export const LONGEST_LINE = 65_536

/** A line of a file: its number from 1, and its text, or what is wrong with its bytes. */
export type Line = { number: number } & ({ text: string } | { fault: string })

/**
 * Splits a stream of bytes into lines. Skips blank lines. A line that is too long or not UTF-8 is one fault, and the lines after it
 * are read. Memory is bounded by one line and one chunk.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 1
  let kept: Buffer[] = []
  let length = 0
  const end = () => {
    const line = readLine(number, kept, length)
    number += 1
    kept = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, at))
      from = at + 1
      const line = end()
      if (line) yield line
    }
    keep(chunk.subarray(from))
  }
  const last = end()
  if (last) yield last

  function keep(part: Buffer): void {
    length += part.length
    if (length <= LONGEST_LINE) kept.push(part)
  }
}

// Ignores a byte order mark: also in the middle, where files were put together.
const utf8 = new TextDecoder('utf-8', { fatal: true })

function readLine(number: number, parts: Buffer[], length: number): Line | undefined {
  if (length > LONGEST_LINE) return { number, fault: `the line has more than ${LONGEST_LINE} bytes` }
  try {
    const text = utf8.decode(Buffer.concat(parts)).trim()
    return text === '' ? undefined : { number, text }
  } catch {
    return { number, fault: 'the line is not UTF-8' }
  }
}
