import { audiencesOf } from '../../domain/oauth/grants.ts'
import { clientView } from '../../routes/views/client.ts'
import { columns } from '../columns.ts'
import type { Command } from '../command.ts'
import { readAll } from '../read-all.ts'
import { withCore } from '../with-core.ts'

/** `gatehouse clients list`: lists the machine clients in order of creation. */
export const clientsList: Command = {
  name: 'clients list',
  usage: '',
  summary: 'list the machine clients: id, name, state, audiences and scope',
  words: 0,
  options: {},
  run: () =>
    withCore(async ({ store, config }) => {
      const found = await readAll(store.clients.list, ({ id }) => id)
      const clients = found.map((client) => clientView(client, audiencesOf(client, config)))
      const rows = clients.map(({ id, name, disabled, scope, audiences }) => [
        id,
        name,
        disabled ? 'disabled' : 'enabled',
        `for ${audiences.join(' ')}`,
        scope || '(no scope)'
      ])
      return { text: columns(rows) || 'There is no machine client.', json: clients }
    })
}
