import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'
import type { NewClient } from '../../domain/clients/administration.ts'
import { audiencesOf } from '../../domain/oauth/grants.ts'
import { TOKEN_EXCHANGE } from '../../domain/oauth/token-exchange.ts'
import { parseScope } from '../../domain/roles/scopes.ts'
import { NewClientBody } from '../../schemas/client.ts'
import { type Command, type CommandResult, requireText, UsageError } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'

/** `gatehouse clients create`: makes a machine client with its first secret. */
export const clientsCreate: Command = {
  name: 'clients create',
  usage:
    '--name NAME --scope "orders:read orders:write" [--audience URL]... [--grant "client_credentials token-exchange"]',
  summary: 'make a machine client; prints its client_id and, once, its client_secret',
  words: 0,
  options: {
    name: { type: 'string' },
    scope: { type: 'string' },
    audience: { type: 'string', multiple: true },
    grant: { type: 'string' }
  },
  async run(values, _words, { stderr }) {
    const { audience: audiences = [], grant } = values as { audience?: string[]; grant?: string }
    const input = {
      name: requireText(values, 'name'),
      scope: requireText(values, 'scope'),
      audiences,
      ...(grant !== undefined && { grants: grant.split(' ').map(grantNamed) })
    }
    if (!Value.Check(NewClientBody, input))
      throw new UsageError('the name, the scope, the audience or the grant is not well-formed')
    return withCore((app) => create(app, { ...input, scope: parseScope(input.scope), jwks: [] }), {
      mayMake: stderr
    })
  }
}

async function create(app: FastifyInstance, input: NewClient): Promise<CommandResult> {
  const { client, made } = await app.clients.create(input, operator)
  const secret = made?.secret ?? ''
  return {
    text: `client_id: ${client.id}\nclient_secret: ${secret}`,
    json: {
      client_id: client.id,
      client_secret: secret,
      name: client.name,
      scope: client.scope.join(' '),
      audiences: audiencesOf(client, app.config),
      grants: client.grants
    }
  }
}

/** Returns the grant of this name. Also accepts its last word: `token-exchange`. */
function grantNamed(word: string): string {
  return TOKEN_EXCHANGE.endsWith(`:${word}`) ? TOKEN_EXCHANGE : word
}
