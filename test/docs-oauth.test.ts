import { readFile } from 'node:fs/promises'
import t from 'tap'
import { isTitled, type Titled, testsIn } from './evidence/titles.ts'

const HEADER = '| standard | asks | held by |'
const STANDARD =
  /^RFC (6749|7009|7662|7517|7519|7523|8414|8707|8693|9068|9700) §\d+(\.\d+)*( \(\d+\)(, \(\d+\))*)?$/
const NAMED = /`(test\/[\w./-]+\.test\.ts)` “([^”]+)”/g

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

/** The first table of docs/oauth.md, each row as its cells. */
async function readRows(): Promise<string[][]> {
  const [, after = ''] = (await read('docs/oauth.md')).split(`${HEADER}\n| --- | --- | --- |\n`)
  const [table = ''] = after.split('\n\n')
  return table.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

t.test('docs/oauth.md names the test that holds each row', async (t) => {
  const rows = await readRows()

  await t.test('every row has a standard with its section, what it asks, and a test', async (t) => {
    t.ok(rows.length > 80)
    for (const [standard = '', asks = '', heldBy = '', ...others] of rows) {
      t.match(standard, STANDARD)
      t.ok(asks.length > 0, standard)
      t.strictSame(others, [], standard)
      t.equal(heldBy.replaceAll(NAMED, '').replaceAll(/[; ]/g, ''), '', `${standard}: ${heldBy}`)
      t.match(heldBy, new RegExp(NAMED), standard)
    }
  })

  await t.test('no row is there twice, nor a test twice in a row', async (t) => {
    const demands = rows.map(([standard, asks]) => `${standard} ${asks}`)
    t.equal(new Set(demands).size, rows.length)
    for (const [standard = '', , heldBy = ''] of rows) {
      const named = [...heldBy.matchAll(NAMED)].map(([whole]) => whole)
      t.equal(new Set(named).size, named.length, standard)
    }
  })

  await t.test('every test that is named is in its file, once, and counts', async (t) => {
    const named = rows.flatMap(([, , heldBy = '']) => [...heldBy.matchAll(NAMED)])
    const files = new Map<string, Titled[]>()
    for (const [, path = '', title = ''] of named) {
      const tests = files.get(path) ?? testsIn(path, await read(path))
      files.set(path, tests)
      const found = tests.filter((test) => isTitled(test.pieces, title))
      t.equal(found.length, 1, `${path}: ${title}`)
      t.ok(found[0]?.isHeld, `${path}: ${title} is not todo`)
    }
  })

  await t.test('every standard that is named is held by a row', async (t) => {
    const standards = new Set(rows.map(([standard = '']) => standard.split(' §')[0]))
    t.equal(standards.size, 11)
  })
})
