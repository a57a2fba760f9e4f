import t from 'tap'
import { judgeEvidence, readProject, stalePages } from './evidence/pages.ts'
import { createReferences, type Read } from './evidence/references.ts'

const ASVS = 'docs/evidence/asvs.yaml'
const ADVISORIES = 'docs/evidence/advisories.yaml'

/** Reads the project with one text in a file replaced; throws an Error if the text is not there. */
function planting(path: string, search: string | RegExp, replacement: string): Read {
  return async (asked) => {
    const text = await readProject(asked)
    if (asked !== path || text === undefined) return text
    const planted = text.replace(search, replacement)
    if (planted === text) throw new Error(`${path} has no ${search}`)
    return planted
  }
}

t.test('every row of docs/asvs.md and docs/advisories.md names what is there', async (t) => {
  const evidence = await judgeEvidence()
  t.strictSame(evidence.faults, [])
  t.strictSame(await stalePages(evidence), [], 'npm run evidence writes them')
})

t.test('a planted fault is found, by the name of its row', async (t) => {
  const headers = 'each has the headers that keep other sites from framing, sniffing and embedding it'
  const row = /- id: 3\.2\.1\n(?: {2}.*\n)+/
  const planted: Array<[fault: string | RegExp, read: Read]> = [
    ['3.2.1 is missing', planting(ASVS, row, '')],
    ['3.2.1 is there twice', planting(ASVS, row, '$&$&')],
    ['9.9.9 is not asked for', planting(ASVS, 'id: 3.2.1\n', 'id: 9.9.9\n')],
    [
      '3.2.1 is held and names no evidence',
      planting(ASVS, row, '- id: 3.2.1\n  asks: Something.\n  status: held\n')
    ],
    [
      '3.2.1 is open and its note does not say why',
      planting(ASVS, row, '- id: 3.2.1\n  asks: Something.\n  status: open\n')
    ],
    [
      '3.2.1: test/routes/every-reply.test.ts has no test “another title”',
      planting(ASVS, `every-reply.test.ts › ${headers}`, 'every-reply.test.ts › another title')
    ],
    [
      '3.2.1: there is no test/routes/nowhere.test.ts',
      planting(ASVS, 'test/routes/every-reply.test.ts', 'test/routes/nowhere.test.ts')
    ],
    [
      '3.1.1: SECURITY.md has no heading #nowhere',
      planting(ASVS, 'SECURITY.md#browsers', 'SECURITY.md#nowhere')
    ],
    [
      '3.1.1: “a word” names neither a test nor a section of a document',
      planting(ASVS, 'SECURITY.md#browsers', 'a word')
    ],
    [/^3\.2\.1: .* has no test/, planting('test/routes/every-reply.test.ts', headers, 'another title')],
    ['jose4j CVE-2023-51774 is missing', planting(ADVISORIES, /- product: jose4j\n(?: {2}.*\n)+/, '')],
    [
      /^jose4j CVE-2023-51774: .* has no test/,
      planting('test/plugins/forged-tokens.test.ts', 'encrypted to', 'x')
    ]
  ]
  for (const [fault, read] of planted) {
    const { faults } = await judgeEvidence(read)
    t.ok(
      faults.some((each) => (typeof fault === 'string' ? each === fault : fault.test(each))),
      `${fault} in ${faults}`
    )
  }
})

t.test('a row of another form is refused by its place', async (t) => {
  for (const [search, replacement] of [
    ['status: held', 'status: done'],
    ['status: held', 'status: waits for '],
    ['asks: ', 'ask: '],
    ['evidence:\n', 'evidence: []\n  more:\n']
  ] as const)
    await t.rejects(judgeEvidence(planting(ASVS, search, replacement)), { message: /^\/\d+/ })
})

t.test('a page that was changed by hand, or was not written, is found', async (t) => {
  const evidence = await judgeEvidence()
  t.strictSame(await stalePages(evidence, planting('docs/asvs.md', 'held', 'hold')), ['docs/asvs.md'])
  const without: Read = async (path) => (path === 'docs/advisories.md' ? undefined : readProject(path))
  t.strictSame(await stalePages(evidence, without), ['docs/advisories.md'])
})

t.test('a title is found as the source has it', async (t) => {
  const source = `
    t.test('a plain title', async () => {})
    t.test(\`on \${engine} all is well\`, async () => {})
    t.test(\`\${anything}\`, async () => {})
    t.test(name, async () => {})
    t.test('twice', async () => {})
    t.test('twice', async () => {})
    t.test('later', { todo: true }, async () => {})
    // t.test('in a comment', async () => {})
  `
  const faultOf = createReferences(async () => source)
  const faults = new Map([
    ['a plain title', undefined],
    ['on sqlite all is well', undefined],
    ['on … all is well', undefined],
    ['on  all is well', 'test/x.test.ts has no test “on  all is well”'],
    ['a plain', 'test/x.test.ts has no test “a plain”'],
    ['twice', 'test/x.test.ts has 2 tests “twice”'],
    ['later', 'test/x.test.ts: “later” is todo'],
    ['in a comment', 'test/x.test.ts has no test “in a comment”']
  ])
  for (const [title, fault] of faults) t.equal(await faultOf(`test/x.test.ts › ${title}`), fault, title)
})
