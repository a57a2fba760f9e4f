import { userView } from '../../routes/views/user.ts'
import { columns } from '../columns.ts'
import { readAll } from '../read-all.ts'
import { accountCommand } from './account-command.ts'

/** `gatehouse users show`: shows an account. */
export const usersShow = accountCommand({
  name: 'users show',
  summary: 'show an account: its roles, its live sessions, its last sign-in, whether it is disabled',
  async run({ sessions }, user) {
    const live = await readAll(
      (page) => sessions.listLive(user.id, page),
      ({ id }) => id
    )
    const json = { ...userView(user), sessions: live.length }
    const rows = [
      ['id', json.id],
      ['address', `${json.email}${json.emailVerified ? '' : ' (not verified)'}`],
      ['name', json.name ?? 'none'],
      ['roles', json.roles.join(' ')],
      ['disabled', json.disabled ? 'yes' : 'no'],
      ['sessions', String(json.sessions)],
      ['created', json.createdAt],
      ['last sign-in', json.lastLoginAt ?? 'never']
    ]
    return { text: columns(rows), json }
  }
})
