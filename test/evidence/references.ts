import { isTitled, type Titled, testsIn } from './titles.ts'

/** A function that resolves to the text of a file, or to undefined. The path is relative to the project's root. */
export type Read = (path: string) => Promise<string | undefined>

/** The form of a reference to a test: `test/….test.ts › title`. */
const TEST = /^(test\/[\w./-]+\.test\.ts) › (\S.*)$/
/** The form of a reference to a section: `SECURITY.md#ways-in`. */
const SECTION = /^([\w./-]+\.md)#([\w-]+)$/

/** Makes a function that checks references to tests and documents. It reads each file once. */
export function createReferences(read: Read) {
  const texts = new Map<string, Promise<string | undefined>>()
  const tests = new Map<string, Titled[]>()
  const textOf = (path: string) => {
    const text = texts.get(path) ?? read(path)
    texts.set(path, text)
    return text
  }

  async function faultOfTest(path: string, title: string): Promise<string | undefined> {
    const text = await textOf(path)
    if (text === undefined) return `there is no ${path}`
    const all = tests.get(path) ?? testsIn(path, text)
    tests.set(path, all)
    const found = all.filter(({ pieces }) => isTitled(pieces, title))
    if (found.length === 0) return `${path} has no test “${title}”`
    if (found.length > 1) return `${path} has ${found.length} tests “${title}”`
    return found[0]?.isHeld ? undefined : `${path}: “${title}” is todo`
  }

  async function faultOfSection(path: string, slug: string): Promise<string | undefined> {
    const text = await textOf(path)
    if (text === undefined) return `there is no ${path}`
    return slugsOf(text).includes(slug) ? undefined : `${path} has no heading #${slug}`
  }

  /** Returns what is wrong with a reference; undefined if its target exists. */
  return async function faultOf(reference: string): Promise<string | undefined> {
    const [, testPath, title] = TEST.exec(reference) ?? []
    if (testPath !== undefined && title !== undefined) return faultOfTest(testPath, title)
    const [, path, slug] = SECTION.exec(reference) ?? []
    if (path !== undefined && slug !== undefined) return faultOfSection(path, slug)
    return `“${reference}” names neither a test nor a section of a document`
  }
}

/** Returns a reference as Markdown, for a page in `docs/`. */
export function linkOf(reference: string): string {
  const [path = '', title] = reference.split(' › ')
  if (title === undefined) return `[${path.replace('#', ', ')}](../${path})`
  return `[${path}](../${path}) “${escapeCell(title)}”`
}

/** Escapes the characters that end a table cell. */
export function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}

// Makes slugs as GitHub does: lower case, hyphens for spaces, no punctuation.
function slugsOf(markdown: string): string[] {
  const headings = markdown.replaceAll(/^```.*?^```/gms, '').matchAll(/^#{1,6} (.+)$/gm)
  return Array.from(headings, ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  )
}
