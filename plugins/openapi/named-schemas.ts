import { isDeepStrictEqual } from 'node:util'
import type { Document } from './document.ts'

/**
 * Moves each schema with a title to `components.schemas`, under that name, and refers to it. The routes' own schemas stay whole,
 * so validation and serialisation need no references. Throws an Error if two schemas have the same title.
 */
export function nameSchemas(document: Document): Document {
  const schemas: Record<string, unknown> = {}

  function refer(node: unknown): unknown {
    if (Array.isArray(node)) return node.map(refer)
    if (typeof node !== 'object' || node === null) return node
    const schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, refer(value)]))
    // A field can be called `title`, too.
    if (typeof schema.title !== 'string') return schema
    const { title, ...named } = schema
    if (title in schemas && !isDeepStrictEqual(schemas[title], named))
      throw new Error(`OpenAPI: two schemas are called ${title}`)
    schemas[title] = named
    return { $ref: `#/components/schemas/${title}` }
  }

  const paths = refer(document.paths) as Document['paths']
  return { ...document, paths, components: { ...document.components, schemas } }
}
