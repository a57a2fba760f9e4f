import { type Static, Type } from 'typebox'
import { Closed, Text } from './common.ts'

export const RoleName = Type.String({ pattern: '^[a-z][a-z0-9._:-]{0,63}$', examples: ['editor'] })

/** RFC 6749 §3.3: tokens of printable ASCII without space, quote and backslash, one space between them. */
const Scope = Type.String({
  maxLength: 16_384,
  pattern: '^([\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*)?$',
  examples: ['orders:read orders:write']
})

const Description = Text({ maxLength: 200 })

export const Role = Type.Object({
  name: Type.String(),
  description: Type.String(),
  scope: Type.String({ description: 'Space-separated permissions' }),
  builtIn: Type.Boolean()
})
export type Role = Static<typeof Role>

export const RoleParams = Closed({ name: RoleName })
export const NewRole = Closed({ name: RoleName, description: Type.Optional(Description), scope: Scope })
export const RoleChange = Closed({ description: Type.Optional(Description), scope: Scope })
