import type { FastifyInstance } from 'fastify'
import { requireEmail } from '../domain/accounts/email-address.ts'
import { endAllSessions } from '../domain/sessions/end-all.ts'
import { type Command, type CommandResult, UsageError } from './command.ts'
import { operator } from './operator.ts'
import { withCore } from './with-core.ts'

/** A missing database is an error: an operator in an emergency must not read `0 sessions ended` of a wrong folder. */
const EXISTING = { mayMake: false }

/** `gatehouse sessions end`: signs one user, or all users, out everywhere. */
export const sessionsEnd: Command = {
  name: 'sessions end',
  usage: '--all | --user ADDRESS',
  summary: 'sign out all users, or one, on every instance and in every service, within a second',
  words: 0,
  options: { all: { type: 'boolean' }, user: { type: 'string' } },
  async run({ all, user: email }) {
    if (all === true && email === undefined) return withCore(endAll, EXISTING)
    if (!all && typeof email === 'string' && email !== '')
      return withCore((app) => endOf(app, email), EXISTING)
    throw new UsageError('either --all or --user is needed')
  }
}

async function endAll({ store, clock }: FastifyInstance): Promise<CommandResult> {
  return resultOf(await endAllSessions(store, clock(), 'ended_by_operator', operator.caller))
}

async function endOf(app: FastifyInstance, email: string): Promise<CommandResult> {
  const user = await app.store.users.findByEmail(requireEmail(email))
  if (!user) throw new Error(`There is no account with the address ${email}`)
  return resultOf(await app.sessions.endAll(user.id, 'ended_by_operator', operator.caller))
}

function resultOf(ended: number): CommandResult {
  return { text: `${ended} ${ended === 1 ? 'session' : 'sessions'} ended.`, json: { ended } }
}
