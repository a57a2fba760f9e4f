import fp from 'fastify-plugin'
import { type ClientAdministration, createClientAdministration } from '../domain/clients/administration.ts'
import { type ClientAuthenticator, createClientAuthenticator } from '../domain/clients/authentication.ts'
import { createClientDirectory } from '../domain/clients/directory.ts'
import { type ClientTokens, createClientTokens } from '../domain/oauth/grants.ts'

export interface Clients extends ClientAdministration {
  authenticate: ClientAuthenticator
  tokens: ClientTokens
}

declare module 'fastify' {
  interface FastifyInstance {
    clients: Clients
  }
}

/** Decorates `clients`, which authenticates and manages machine clients, and issues their tokens. */
export default fp(
  async (fastify) => {
    const { store, clock, monotonic, config, derivedKeys, revocations } = fastify
    const secretKeys = derivedKeys.clientSecret
    fastify.decorate('clients', {
      ...createClientAdministration({ store, clock, config, secretKeys }),
      authenticate: createClientAuthenticator({
        store,
        directory: createClientDirectory(store, monotonic),
        clock,
        secretKeys,
        isCurrent: ({ id, version }) => revocations.isClientCurrent(id, version),
        issuer: config.AUTH_ISSUER
      }),
      tokens: createClientTokens({ store, clock, config })
    })
  },
  { name: 'clients', dependencies: ['config', 'derived-keys', 'store', 'revocations'] }
)
