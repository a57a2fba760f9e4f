import { Problem } from '../domain/errors.ts'
import type { Page } from '../domain/model/page.ts'

const DEFAULT_LIMIT = 50

/** Returns the page that a query asks for, one item longer, to tell whether another page follows. */
export function pageOf({ limit = DEFAULT_LIMIT, cursor }: { limit?: number; cursor?: string }): Page {
  return { limit: limit + 1, after: cursor === undefined ? undefined : readCursor(cursor) }
}

/** Shows a page, from the items of `pageOf`. */
export function pageView<Item, View>(
  items: Item[],
  { limit = DEFAULT_LIMIT }: { limit?: number },
  keyOf: (item: Item) => string,
  view: (item: Item) => View
): { items: View[]; nextCursor: string | null } {
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  const nextCursor = last && items.length > limit ? Buffer.from(keyOf(last)).toString('base64url') : null
  return { items: shown.map(view), nextCursor }
}

function readCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString()
  if (/^[\x21-\x7e]+$/.test(key) && Buffer.from(key).toString('base64url') === cursor) return key
  throw notACursor()
}

export function notACursor(): Problem {
  return new Problem('invalid_request', {
    errors: [{ pointer: '/cursor', code: 'cursor', detail: 'This is not a cursor of ours.' }]
  })
}
