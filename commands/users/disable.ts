import { userView } from '../../routes/views/user.ts'
import { operator } from '../operator.ts'
import { accountCommand } from './account-command.ts'

/** `gatehouse users disable`: ends the sessions of an account, and refuses its sign-ins. */
export const usersDisable = accountCommand({
  name: 'users disable',
  summary: 'end the sessions of an account, and refuse its sign-ins; refused for the last administrator',
  async run(app, { id }) {
    const { user } = await app.accounts.administration.changeUser(id, { disabled: true }, operator)
    return { text: `${user.email} is disabled, and its sessions ended.`, json: userView(user) }
  }
})
