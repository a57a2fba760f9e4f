import type { FastifyInstance } from 'fastify'
import { requireEmail } from '../../domain/accounts/email-address.ts'
import type { User } from '../../domain/model/user.ts'
import { type Command, type CommandResult, UsageError } from '../command.ts'
import { withCore } from '../with-core.ts'

/** What a command does with one account. */
interface AccountCommand extends Pick<Command, 'name' | 'summary'> {
  run(app: FastifyInstance, user: User): Promise<CommandResult>
}

/** Makes a command about one account, which the operator names by its id or by its address. */
export function accountCommand({ name, summary, run }: AccountCommand): Command {
  return {
    name,
    usage: 'ID | --email ADDRESS',
    summary,
    words: 1,
    options: { email: { type: 'string' } },
    async run({ email }, [id]) {
      const isNamed = typeof email === 'string' && email !== ''
      if (isNamed === Boolean(id)) throw new UsageError('either ID or --email is needed')
      return withCore(async (app) =>
        run(app, await (isNamed ? findByEmail(app, email) : findById(app, id ?? '')))
      )
    }
  }
}

/** Returns the account with this address. Throws an Error if there is none. */
export async function findByEmail({ store }: FastifyInstance, email: string): Promise<User> {
  const user = await store.users.findByEmail(requireEmail(email))
  if (!user) throw new Error(`There is no account with the address ${email}`)
  return user
}

async function findById({ store }: FastifyInstance, id: string): Promise<User> {
  const user = await store.users.find(id)
  if (!user) throw new Error(`There is no account with the id ${id}`)
  return user
}
