import { operator } from '../operator.ts'
import { clientCommand } from './client-command.ts'

/** `gatehouse clients disable`: revokes the tokens of a machine client, and gives it no new ones. */
export const clientsDisable = clientCommand({
  name: 'clients disable',
  summary: 'revoke the tokens of a machine client within a second, and give it no new ones',
  done: 'is disabled, and its tokens are revoked',
  change: (app, { id }) => app.clients.change(id, { disabled: true }, operator)
})
