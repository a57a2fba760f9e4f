import { type TSchema, Type } from 'typebox'
import { Nullable, View } from './common.ts'

export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: '`nextCursor` of the page before' })
  )
}

/** Makes the schema of a page of a list of named items. `nextCursor` is null on the last page. */
export const PageOf = <Item extends TSchema & { title?: string }>(item: Item) =>
  View(`${item.title}Page`, { items: Type.Array(item), nextCursor: Nullable(Type.String()) })
