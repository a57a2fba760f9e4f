import type { FastifyInstance } from 'fastify'
import type { User } from '../../domain/model/user.ts'
import { userView } from '../../routes/views/user.ts'
import { columns } from '../columns.ts'
import { type Command, UsageError } from '../command.ts'
import { readAll } from '../read-all.ts'
import { withCore } from '../with-core.ts'

/** `gatehouse users list`: lists accounts in order of creation. */
export const usersList: Command = {
  name: 'users list',
  usage: '[--role NAME] [--disabled] [--search TEXT] [--limit N]',
  summary:
    'list the accounts: all, or those that hold a role, are disabled, or have this text in their address or name',
  words: 0,
  options: {
    role: { type: 'string' },
    disabled: { type: 'boolean' },
    search: { type: 'string' },
    limit: { type: 'string' }
  },
  async run(values) {
    const { limit, ...filter } = values as Values
    const atMost = limit === undefined ? undefined : countIn(limit)
    return withCore(async (app) => {
      if (filter.role !== undefined) await requireRole(app, filter.role)
      const users = await readAll(
        (page) => app.store.users.list({ ...page, ...filter }),
        ({ id }) => id,
        atMost
      )
      return { text: columns(users.map(rowOf)) || 'There is no such account.', json: users.map(userView) }
    })
  }
}

interface Values {
  role?: string
  disabled?: boolean
  search?: string
  limit?: string
}

function countIn(limit: string): number {
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new UsageError('--limit must be a whole number of 1 or more')
  return Number(limit)
}

async function requireRole({ store }: FastifyInstance, name: string): Promise<void> {
  if (!(await store.roles.find(name))) throw new Error(`There is no role ${name}`)
}

function rowOf(user: User): string[] {
  const { id, email, roles, disabled, lastLoginAt } = userView(user)
  const signedIn = lastLoginAt === null ? 'never signed in' : `signed in ${lastLoginAt}`
  return [id, email, roles.join(' '), disabled ? 'disabled' : 'enabled', signedIn]
}
