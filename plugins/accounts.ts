import fp from 'fastify-plugin'
import { type Accounts, createAccounts } from '../domain/accounts.ts'
import { createLoginThrottle } from '../domain/login-throttle.ts'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

/** Decorates `accounts`: register, sign in, prove it again, change password or name, leave. */
export default fp(
  async (fastify) => {
    const { store, clock, sessions, config, derivedKeys } = fastify
    fastify.decorate(
      'accounts',
      createAccounts({
        store,
        clock,
        sessions,
        ...fastify.passwords,
        throttle: createLoginThrottle({
          store,
          clock,
          key: derivedKeys.throttle.current,
          limit: config.AUTH_LOGIN_LIMIT_PER_ACCOUNT
        }),
        registration: config.AUTH_REGISTRATION
      })
    )
  },
  { name: 'accounts', dependencies: ['config', 'derived-keys', 'store', 'sessions', 'passwords'] }
)
