import { operator } from '../operator.ts'
import { clientCommand } from './client-command.ts'

/** `gatehouse clients delete`: deletes a machine client, and revokes its tokens. */
export const clientsDelete = clientCommand({
  name: 'clients delete',
  summary: 'delete a machine client with its secrets, and revoke its tokens within a second',
  done: 'is deleted, and its tokens are revoked',
  async change(app, client) {
    await app.clients.delete(client.id, operator)
    return client
  }
})
