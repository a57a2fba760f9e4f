import { Type } from 'typebox'

const Url = Type.String({ format: 'uri' })

/** Where to go from the root. `docs` and `openapi` are absent if the API reference is off. */
export const WhereToGo = Type.Object({
  name: Type.Literal('Gatehouse'),
  issuer: Url,
  metadata: Url,
  jwks: Url,
  docs: Type.Optional(Url),
  openapi: Type.Optional(Url)
})
