import { userView } from '../../routes/views/user.ts'
import { operator } from '../operator.ts'
import { accountCommand } from './account-command.ts'

/** `gatehouse users enable`: lets the owner of a disabled account sign in again. */
export const usersEnable = accountCommand({
  name: 'users enable',
  summary: 'let the owner of a disabled account sign in again',
  async run(app, { id }) {
    const { user } = await app.accounts.administration.changeUser(id, { disabled: false }, operator)
    return { text: `${user.email} is enabled.`, json: userView(user) }
  }
})
