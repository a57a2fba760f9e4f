import type { FastifyInstance } from 'fastify'
import type { Client } from '../../domain/model/client.ts'
import { audiencesOf } from '../../domain/oauth/grants.ts'
import { clientView } from '../../routes/views/client.ts'
import { type Command, UsageError } from '../command.ts'
import { withCore } from '../with-core.ts'

/** What a command does to one machine client, and the words about the client afterwards. */
interface ClientCommand extends Pick<Command, 'name' | 'summary'> {
  change(app: FastifyInstance, client: Client): Promise<Client>
  done: string
}

/** Makes a command that changes one machine client, which the operator names by its id. */
export function clientCommand({ name, summary, change, done }: ClientCommand): Command {
  return {
    name,
    usage: 'ID',
    summary,
    words: 1,
    options: {},
    async run(_values, [id]) {
      if (!id) throw new UsageError('ID is needed: ./gatehouse clients list shows the clients')
      return withCore(async (app) => {
        const found = await app.store.clients.find(id)
        if (!found) throw new Error(`There is no client with the id ${id}`)
        const client = await change(app, found)
        return { text: `${client.name} ${done}.`, json: clientView(client, audiencesOf(client, app.config)) }
      })
    }
  }
}
