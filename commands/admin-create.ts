import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'
import { requireEmail } from '../domain/email.ts'
import type { OneTimeLink } from '../domain/one-time-links.ts'
import { ADMIN_ROLE } from '../domain/roles.ts'
import type { User } from '../domain/store.ts'
import { Name } from '../schemas/user.ts'
import { type Command, type CommandResult, requireText, UsageError } from './command.ts'
import { operator, withApp } from './with-app.ts'

/** `gatehouse admin create`: another administrator, or an account made one. */
export const adminCreate: Command = {
  name: 'admin create',
  usage: '--email ADDRESS [--name NAME] [--password-stdin]',
  summary: 'make an administrator; prints a one-time link unless a password comes on standard input',
  words: 0,
  options: {
    email: { type: 'string' },
    name: { type: 'string' },
    'password-stdin': { type: 'boolean' }
  },
  async run(values) {
    const email = requireEmail(requireText(values, 'email'))
    const name = values.name as string | undefined
    if (name !== undefined && !Value.Check(Name, name)) throw new UsageError('the name is not well-formed')
    const password = values['password-stdin'] ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined
    return withApp(async (app) => {
      const known = await app.store.users.findByEmail(email)
      if (!known) return create(app, { email, name, password })
      if (password !== undefined)
        throw new UsageError(`${email} has an account: its password is its owner's to change`)
      return promote(app, known)
    })
  }
}

async function promote(app: FastifyInstance, known: User): Promise<CommandResult> {
  const { users } = app.administration
  const user = await users.changeUser(known.id, { roles: [...known.roles, ADMIN_ROLE] }, operator)
  const link = user.passwordHash === null ? await users.startPasswordReset(user.id, operator) : undefined
  const standing = user.disabled ? ' The account is disabled: another administrator can enable it.' : ''
  return {
    text: `${user.email} has an account, and is an administrator now.${standing}${linkText(link)}`,
    json: { id: user.id, email: user.email, link: link?.url ?? null }
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
  return {
    text: `${user.email} is an administrator.${linkText(link)}`,
    json: { id: user.id, email: user.email, link: link?.url ?? null }
  }
}

function linkText(link: OneTimeLink | undefined): string {
  return link ? ` Choose the password here, once, within 24 hours:\n${link.url}` : ''
}
