import { operator } from '../operator.ts'
import { clientCommand } from './client-command.ts'

/** `gatehouse clients enable`: gives tokens to a disabled machine client again. */
export const clientsEnable = clientCommand({
  name: 'clients enable',
  summary: 'give tokens to a disabled machine client again',
  done: 'is enabled',
  change: (app, { id }) => app.clients.change(id, { disabled: false }, operator)
})
