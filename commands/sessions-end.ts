import type { FastifyInstance } from 'fastify'
import { endAllSessions } from '../domain/sessions/end-all.ts'
import { type Command, type CommandResult, UsageError } from './command.ts'
import { operator } from './operator.ts'
import { findByEmail } from './users/account-command.ts'
import { withCore } from './with-core.ts'

/** `gatehouse sessions end`: signs one user, or all users, out everywhere. */
export const sessionsEnd: Command = {
  name: 'sessions end',
  usage: '--all | --user ADDRESS',
  summary: 'sign out all users, or one, on every instance and in every service, within a second',
  words: 0,
  options: { all: { type: 'boolean' }, user: { type: 'string' } },
  async run({ all, user: email }) {
    if (all === true && email === undefined) return withCore(endAll)
    if (!all && typeof email === 'string' && email !== '') return withCore((app) => endOf(app, email))
    throw new UsageError('either --all or --user is needed')
  }
}

async function endAll({ store, clock }: FastifyInstance): Promise<CommandResult> {
  return resultOf(await endAllSessions(store, clock(), 'ended_by_operator', operator.caller))
}

async function endOf(app: FastifyInstance, email: string): Promise<CommandResult> {
  const { id } = await findByEmail(app, email)
  return resultOf(await app.sessions.endAll(id, 'ended_by_operator', operator.caller))
}

function resultOf(ended: number): CommandResult {
  return { text: `${ended} ${ended === 1 ? 'session' : 'sessions'} ended.`, json: { ended } }
}
