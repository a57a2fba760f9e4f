import { roleView } from '../../routes/views/role.ts'
import { columns } from '../columns.ts'
import type { Command } from '../command.ts'
import { readAll } from '../read-all.ts'
import { withCore } from '../with-core.ts'

/** `gatehouse roles list`: lists the roles by name. */
export const rolesList: Command = {
  name: 'roles list',
  usage: '',
  summary: 'list the roles: name, description and scope',
  words: 0,
  options: {},
  run: () =>
    withCore(async ({ store }) => {
      const roles = (await readAll(store.roles.list, ({ name }) => name)).map(roleView)
      const rows = roles.map(({ name, scope, description }) => [name, description, scope || '(no scope)'])
      return { text: columns(rows), json: roles }
    })
}
