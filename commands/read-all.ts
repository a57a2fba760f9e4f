import type { Page } from '../domain/model/page.ts'

const PAGE = 200

/** Reads a list page by page: to its end, or `limit` items. */
export async function readAll<Item>(
  list: (page: Page) => Promise<Item[]>,
  keyOf: (item: Item) => string,
  limit = Number.POSITIVE_INFINITY
): Promise<Item[]> {
  const items: Item[] = []
  while (items.length < limit) {
    const last = items.at(-1)
    const size = Math.min(PAGE, limit - items.length)
    const page = await list({ limit: size, after: last && keyOf(last) })
    items.push(...page)
    if (page.length < size) break
  }
  return items
}
