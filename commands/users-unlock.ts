import type { FastifyInstance } from 'fastify'
import { requireEmail } from '../domain/accounts/email-address.ts'
import { type Command, UsageError } from './command.ts'
import { operator } from './operator.ts'
import { withCore } from './with-core.ts'

/** `gatehouse users unlock`: clears the counts of failed sign-ins of an account. */
export const usersUnlock: Command = {
  name: 'users unlock',
  usage: 'ID | --email ADDRESS',
  summary: 'clear the counts of failed sign-ins of an account, so that its owner can sign in at once',
  words: 1,
  options: { email: { type: 'string' } },
  async run({ email }, [id]) {
    const isNamed = typeof email === 'string' && email !== ''
    if (isNamed === Boolean(id)) throw new UsageError('either ID or --email is needed')
    return withCore(
      async (app) => {
        const user = await (isNamed ? findByEmail(app, email) : findById(app, id ?? ''))
        await app.accounts.administration.unlock(user.id, operator)
        return { text: `${user.email} can sign in at once.`, json: { id: user.id, email: user.email } }
      },
      { mayMake: false }
    )
  }
}

async function findByEmail({ store }: FastifyInstance, email: string) {
  const user = await store.users.findByEmail(requireEmail(email))
  if (!user) throw new Error(`There is no account with the address ${email}`)
  return user
}

async function findById({ store }: FastifyInstance, id: string) {
  const user = await store.users.find(id)
  if (!user) throw new Error(`There is no account with the id ${id}`)
  return user
}
