import { type Static, Type } from 'typebox'
import { Body, Closed, Text, View } from './common.ts'

export const ROLE_NAME = '[a-z][a-z0-9._:-]{0,63}'

export const RoleName = Type.String({ pattern: `^${ROLE_NAME}$`, examples: ['editor'] })

/** Tokens of printable ASCII without space, quote and backslash, separated by one space (RFC 6749 §3.3). */
export const SCOPE_TOKENS = '[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*'
export const SCOPE_OPTIONS = { maxLength: 16_384, examples: ['orders:read orders:write'] }

export const Scope = Type.String({ ...SCOPE_OPTIONS, pattern: `^(${SCOPE_TOKENS})?$` })

const Description = Text({ maxLength: 200 })

export const RoleView = View('Role', {
  name: Type.String(),
  description: Type.String(),
  scope: Type.String({ description: 'Space-separated permissions' }),
  builtIn: Type.Boolean()
})
export type RoleView = Static<typeof RoleView>

export const RoleParams = Closed({ name: RoleName })
export const NewRoleBody = Body('NewRole', {
  name: RoleName,
  description: Type.Optional(Description),
  scope: Scope
})
export const RoleChangeBody = Body('RoleChange', { description: Type.Optional(Description), scope: Scope })
