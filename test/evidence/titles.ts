import ts from 'typescript'

/** A test in a source file. */
export interface Titled {
  /** The title, split at each `${…}` of the source: any text may stand between two pieces. */
  pieces: string[]
  /** Whether the test counts as evidence: it is not `todo`. */
  isHeld: boolean
}

/** Returns the tests in a source file: every `t.test('title', …)` whose title is a literal. */
export function testsIn(path: string, text: string): Titled[] {
  const tests: Titled[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title, options] = node.arguments
      const pieces = title ? piecesOf(title) : []
      if (pieces.some((piece) => piece.trim() !== ''))
        tests.push({ pieces, isHeld: !options || isHeld(options) })
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return tests
}

/** Tells whether a test has this title. Any text may replace its `${…}`. */
export function isTitled([first = '', ...others]: string[], title: string): boolean {
  if (!title.startsWith(first)) return false
  const [next, ...rest] = others
  const after = title.slice(first.length)
  if (next === undefined) return after === ''
  const starts = Array.from(after, (_, at) => at + 1)
  return starts.some((at) => isTitled([next, ...rest], after.slice(at)))
}

function isTest(callee: ts.Expression): boolean {
  return ts.isPropertyAccessExpression(callee) && callee.name.text === 'test'
}

function piecesOf(title: ts.Expression): string[] {
  if (ts.isStringLiteralLike(title)) return [title.text]
  if (!ts.isTemplateExpression(title)) return []
  return [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)]
}

function isHeld(options: ts.Expression): boolean {
  if (!ts.isObjectLiteralExpression(options)) return true
  return options.properties.every((property) => property.name?.getText() !== 'todo')
}
