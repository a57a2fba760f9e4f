/** The parts of an OpenAPI document that this folder completes. */
export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas?: Record<string, unknown> }
}

export interface Operation {
  operationId: string
  description?: string
  security?: Security
  responses: Record<string, Reply>
}

/** Ways to authenticate, of which a caller chooses one. Each names its schemes, with the scopes that it needs. */
export type Security = ReadonlyArray<Record<string, readonly string[]>>

export interface Reply {
  description: string
  content?: Record<string, { schema: unknown; examples?: Record<string, { $ref: string }> }>
}
