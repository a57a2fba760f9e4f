import { Type } from 'typebox'
import { View } from './common.ts'

const Url = Type.String({ format: 'uri' })

/** HTML, the same for people. */
export const Page = Type.String({ title: 'Page' })

/** Where to go from the root. `docs` and `openapi` are absent if the API reference is off. */
export const WhereToGo = View('WhereToGo', {
  name: Type.Literal('Gatehouse'),
  issuer: Url,
  metadata: Url,
  jwks: Url,
  docs: Type.Optional(Url),
  openapi: Type.Optional(Url)
})
