import { oneTimeLinkView } from '../../routes/views/one-time-link.ts'
import { operator } from '../operator.ts'
import { accountCommand } from './account-command.ts'

/** `gatehouse users reset-password`: makes a link by which the owner of an account chooses a new password. */
export const usersResetPassword = accountCommand({
  name: 'users reset-password',
  summary:
    'print a one-time link by which the owner of an account chooses a new password, which ends all its sessions',
  async run(app, { id, email, disabled }) {
    const link = await app.accounts.administration.startPasswordReset(id, operator)
    const lines = [`${email} can choose a new password here, once, within 24 hours:`, link.url]
    const note = `The account is disabled. Enable it first: ./gatehouse users enable ${id}`
    return { text: [...lines, ...(disabled ? [note] : [])].join('\n'), json: oneTimeLinkView(link) }
  }
})
