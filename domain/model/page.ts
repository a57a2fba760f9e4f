export interface Page {
  limit: number
  /** Id of the last item on the previous page. */
  after?: string | undefined
}

const PAGE = 200

/** Reads a list page by page, to its end. Holds one page in memory. */
export async function* eachItem<Item>(
  list: (page: Page) => Promise<Item[]>,
  keyOf: (item: Item) => string
): AsyncGenerator<Item> {
  let after: string | undefined
  for (;;) {
    const items = await list({ limit: PAGE, after })
    yield* items
    const last = items.at(-1)
    if (last === undefined || items.length < PAGE) return
    after = keyOf(last)
  }
}
