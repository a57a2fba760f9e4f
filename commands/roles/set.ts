import { Value } from 'typebox/value'
import { parseScope } from '../../domain/roles/scopes.ts'
import { NewRoleBody } from '../../schemas/role.ts'
import { type Command, requireText, UsageError } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'

/** `gatehouse roles set`: creates a role, or changes it if it exists. */
export const rolesSet: Command = {
  name: 'roles set',
  usage: 'NAME --scope "orders:read orders:write" [--description TEXT]',
  summary: 'create a role, or change what it allows',
  words: 1,
  options: { scope: { type: 'string' }, description: { type: 'string' } },
  async run(values, [name], { stderr }) {
    const { description = '' } = values as { description?: string }
    const input = { name, description, scope: values.scope === '' ? '' : requireText(values, 'scope') }
    if (!Value.Check(NewRoleBody, input))
      throw new UsageError('the name, the scope or the description is not well-formed')
    const role = { name: input.name, description, scope: parseScope(input.scope) }
    const done = await withCore((app) => app.roles.set(role, operator), { mayMake: stderr })
    return {
      text: `Role ${role.name} ${done}: ${role.scope.join(' ') || '(no scope)'}`,
      json: { ...role, done }
    }
  }
}
