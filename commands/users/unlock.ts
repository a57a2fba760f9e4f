import { operator } from '../operator.ts'
import { accountCommand } from './account-command.ts'

/** `gatehouse users unlock`: clears the counts of failed sign-ins of an account. */
export const usersUnlock = accountCommand({
  name: 'users unlock',
  summary: 'clear the counts of failed sign-ins of an account, so that its owner can sign in at once',
  async run(app, { id, email }) {
    await app.accounts.administration.unlock(id, operator)
    return { text: `${email} can sign in at once.`, json: { id, email } }
  }
})
