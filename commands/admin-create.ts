import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { requireEmail } from '../domain/accounts.ts'
import { ADMIN_ROLE } from '../domain/roles.ts'
import { type Command, type CommandResult, requireText } from './command.ts'
import { operator, withApp } from './with-app.ts'

/** `gatehouse admin create`: another administrator, or an account made one. */
export const adminCreate: Command = {
  name: 'admin create',
  usage: '--email ADDRESS [--name NAME] [--password-stdin]',
  summary: 'make an administrator; prints a one-time link unless a password comes on standard input',
  options: {
    email: { type: 'string' },
    name: { type: 'string' },
    'password-stdin': { type: 'boolean' }
  },
  async run(values) {
    const email = requireEmail(requireText(values, 'email'))
    const name = values.name as string | undefined
    const password = values['password-stdin'] ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined
    return withApp(async (app) => {
      const known = await app.store.users.findByEmail(email)
      return known ? promote(app, known.id, known.roles) : create(app, { email, name, password })
    })
  }
}

async function promote(app: FastifyInstance, id: string, roles: string[]): Promise<CommandResult> {
  const user = await app.administration.users.changeUser(id, { roles: [...roles, ADMIN_ROLE] }, operator)
  return {
    text: `${user.email} has an account: it is an administrator's now, with the password it had.`,
    json: { id: user.id, email: user.email, link: null }
  }
}

async function create(
  app: FastifyInstance,
  input: { email: string; name: string | undefined; password: string | undefined }
): Promise<CommandResult> {
  const { user, link } = await app.administration.users.createUser(
    { ...input, roles: [ADMIN_ROLE] },
    operator
  )
  const next = link ? ` Choose the password here, once, within 24 hours:\n${link.url}` : ''
  return {
    text: `${user.email} is an administrator.${next}`,
    json: { id: user.id, email: user.email, link: link?.url ?? null }
  }
}
