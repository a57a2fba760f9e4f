import { readFile } from 'node:fs/promises'
import t from 'tap'
import ts from 'typescript'

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

/** A test as its source has it. */
interface Titled {
  /** The title, in pieces: where its source has a `${…}` between two of them, anything may stand. */
  pieces: string[]
  isHeld: boolean
}

/** The tests of a file: every `t.test('title', …)`, and whether it counts: neither todo nor skipped for good. */
function testsIn(path: string, text: string): Titled[] {
  const tests: Titled[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title, options] = node.arguments
      const pieces = title ? piecesOf(title) : []
      if (pieces.length > 0) tests.push({ pieces, isHeld: !options || isHeld(options) })
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return tests
}

function isTest(callee: ts.Expression): boolean {
  return ts.isPropertyAccessExpression(callee) && callee.name.text === 'test'
}

function piecesOf(title: ts.Expression): string[] {
  if (ts.isStringLiteralLike(title)) return [title.text]
  if (!ts.isTemplateExpression(title)) return []
  return [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)]
}

function isTitled([first = '', ...others]: string[], title: string): boolean {
  if (!title.startsWith(first)) return false
  const [next, ...rest] = others
  const after = title.slice(first.length)
  if (next === undefined) return after === ''
  const starts = Array.from(after, (_, at) => at + 1)
  return starts.some((at) => isTitled([next, ...rest], after.slice(at)))
}

function isHeld(options: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(options)) return true
  return options.properties.every((property) => property.name?.getText() !== 'todo')
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
