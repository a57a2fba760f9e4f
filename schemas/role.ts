import { type Static, Type } from 'typebox'
import { Closed, Text } from './common.ts'

const NAME = '[a-z][a-z0-9._:-]{0,63}'

export const RoleName = Type.String({ pattern: `^${NAME}$`, examples: ['editor'] })

/** Tokens of printable ASCII without space, quote and backslash, separated by one space (RFC 6749 §3.3). */
const TOKENS = '[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*'
const SCOPE = { maxLength: 16_384, examples: ['orders:read orders:write'] }

export const Scope = Type.String({ ...SCOPE, pattern: `^(${TOKENS})?$` })

/** The roles that a caller must have. An empty list is refused, because it is probably a mistake. */
export const RequiredRoles = Type.String({
  pattern: `^${NAME}( ${NAME})*$`,
  description: 'Space-separated; all of them',
  examples: ['editor reviewer']
})
export const RequiredScope = Type.String({
  ...SCOPE,
  pattern: `^${TOKENS}$`,
  description: 'Space-separated; all of it'
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
