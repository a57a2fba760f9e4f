import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'
import { requireEmail } from '../domain/accounts/email-address.ts'
import type { User } from '../domain/model/user.ts'
import type { OneTimeLink } from '../domain/one-time-tokens.ts'
import { ADMIN_ROLE } from '../domain/roles/scopes.ts'
import { Name } from '../schemas/user.ts'
import { type Command, type CommandResult, requireText, UsageError } from './command.ts'
import { operator } from './operator.ts'
import { withCore } from './with-core.ts'

/** `gatehouse admin create`: makes an administrator; with `--promote`, of an existing account. */
export const adminCreate: Command = {
  name: 'admin create',
  usage: '--email ADDRESS [--name NAME] [--password-stdin] [--promote]',
  summary:
    'make an administrator, and print a one-time link unless a password comes on standard input; --promote takes an existing account, and ends its sessions and its password',
  words: 0,
  options: {
    email: { type: 'string' },
    name: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    promote: { type: 'boolean' }
  },
  async run(values, _words, { stdin, stderr }) {
    const email = requireEmail(requireText(values, 'email'))
    const { name } = values
    if (name !== undefined && !Value.Check(Name, name)) throw new UsageError('the name is not well-formed')
    const password = values['password-stdin'] ? (await text(stdin)).replace(/\r?\n$/, '') : undefined
    return withCore((app) => createOrPromote(app, { email, name, password }, values.promote === true), {
      mayMake: stderr
    })
  }
}

interface NewAdministrator {
  email: string
  name: string | undefined
  password: string | undefined
}

async function createOrPromote(
  app: FastifyInstance,
  input: NewAdministrator,
  mayPromote: boolean
): Promise<CommandResult> {
  const { email, name, password } = input
  if (!(await app.store.users.findByEmail(email))) return create(app, input)
  if (!mayPromote) throw new Error(`${email} has an account, which anybody may have registered. ${HINT}`)
  if (password !== undefined || name !== undefined)
    throw new UsageError(`${email} has an account: its name and its password are its owner’s to choose`)
  return promote(app, email)
}

const HINT =
  '--promote makes it an administrator: its sessions and its password end, and a one-time link is printed.'

async function promote(app: FastifyInstance, email: string): Promise<CommandResult> {
  const { user, link } = await app.accounts.promote(email, operator.caller)
  const note = user.disabled
    ? ` The account is disabled. Enable it: ./gatehouse users enable ${user.id}.`
    : ''
  return resultOf(user, link, `${email} is an administrator now; its sessions and its password ended.${note}`)
}

async function create(app: FastifyInstance, input: NewAdministrator): Promise<CommandResult> {
  const { user, link } = await app.accounts.administration.createUser(
    { ...input, roles: [ADMIN_ROLE] },
    operator
  )
  return resultOf(user, link, `${user.email} is an administrator.`)
}

function resultOf({ id, email }: User, link: OneTimeLink | undefined, sentence: string): CommandResult {
  const choose = link ? ` Choose the password here, once, within 24 hours:\n${link.url}` : ''
  return { text: sentence + choose, json: { id, email, link: link?.url ?? null } }
}
