import t from 'tap'
import { type Line, LONGEST_LINE, linesOf } from '../../../domain/import/lines.ts'

async function collect(lines: AsyncIterable<Line>): Promise<Line[]> {
  const collected: Line[] = []
  for await (const line of lines) collected.push(line)
  return collected
}

/** The lines of a text that arrives in chunks of this many bytes. */
async function read(bytes: Buffer | string, size = 7) {
  async function* chunks() {
    const all = Buffer.from(bytes)
    for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size)
  }
  return collect(linesOf(chunks()))
}

t.test('lines are numbered from 1, with each kind of end, and blank ones are skipped', async (t) => {
  const expected = [
    { number: 1, text: 'one' },
    { number: 2, text: 'två' },
    { number: 5, text: 'three' }
  ]
  for (const size of [1, 2, 7, 1000]) {
    t.strictSame(await read('one\ntvå\n\n  \nthree\n', size), expected)
    t.strictSame(await read('one\r\ntvå\r\n\r\n\r\nthree', size), expected)
  }
  t.strictSame(await read(''), [])
})

t.test('a byte order mark is no part of a line', async (t) => {
  t.strictSame(await read('\ufeffone\n\ufefftwo\n'), [
    { number: 1, text: 'one' },
    { number: 2, text: 'two' }
  ])
})

t.test('a byte that is not UTF-8 is a fault of its line alone', async (t) => {
  const bytes = Buffer.from('one\ntw?\nthree\n')
  bytes[6] = 0xff
  t.strictSame(await read(bytes), [
    { number: 1, text: 'one' },
    { number: 2, fault: 'the line is not UTF-8' },
    { number: 3, text: 'three' }
  ])
})

t.test('a line that is too long is a fault, and is not kept in memory', async (t) => {
  const fault = 'the line has more than 65536 bytes'
  const longest = 'x'.repeat(LONGEST_LINE)
  t.strictSame(await read(`${longest}\n${longest}x\nthree\n`, 1000), [
    { number: 1, text: longest },
    { number: 2, fault },
    { number: 3, text: 'three' }
  ])
  async function* endless() {
    const chunk = Buffer.alloc(1024 * 1024, 'x')
    for (let n = 0; n < 512; n += 1) yield chunk
  }
  const before = process.memoryUsage.rss()
  t.strictSame(await collect(linesOf(endless())), [{ number: 1, fault }])
  t.ok(process.memoryUsage.rss() - before < 200 * 1024 * 1024)
})
