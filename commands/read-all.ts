import { eachItem, type Page } from '../domain/model/page.ts'

/** Reads a list page by page: to its end, or `limit` items. */
export async function readAll<Item>(
  list: (page: Page) => Promise<Item[]>,
  keyOf: (item: Item) => string,
  limit = Number.POSITIVE_INFINITY
): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of eachItem(list, keyOf)) {
    items.push(item)
    if (items.length === limit) break
  }
  return items
}
