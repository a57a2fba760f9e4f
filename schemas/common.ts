import { type TProperties, type TSchema, Type } from 'typebox'

/** Makes an object schema that refuses unknown fields. */
export const Closed = <Properties extends TProperties>(properties: Properties, options = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

/** Makes the schema of a request body, which refuses unknown fields. `title` is its name in the API reference. */
export const Body = <Properties extends TProperties>(title: string, properties: Properties, options = {}) =>
  Closed(properties, { title, ...options })

/** Makes the schema of a reply. `title` is its name in the API reference. */
export const View = <Properties extends TProperties>(title: string, properties: Properties, options = {}) =>
  Type.Object(properties, { title, ...options })

export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

/** ISO 8601, UTC. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-11-23T08:30:00.000Z'] })

export const Id = Type.String({ format: 'uuid' })

/** Makes a schema of text without control characters. PostgreSQL cannot store NUL, and a log entry stays one line. */
export const Text = (options: {
  minLength?: number
  maxLength: number
  description?: string
  examples?: string[]
}) => Type.String({ pattern: '^[^\\p{Cc}]*$', ...options })

export const Email = Text({ minLength: 3, maxLength: 320, examples: ['ada@example.com'] })

export const IdParams = Closed({ id: Text({ minLength: 1, maxLength: 64 }) })

export const NoContent = Type.Null({ description: 'Done; there is nothing to say.' })

export const Accepted = Closed(
  {},
  { title: 'Accepted', description: 'Taken; the reply says nothing of what follows.' }
)
