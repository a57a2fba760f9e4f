import fp from 'fastify-plugin'
import { type Accounts, createAccounts } from '../domain/accounts/registration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

/** Decorates `accounts`: register, sign in, prove it again, change password or name, leave. */
export default fp(
  async (fastify) => {
    const { store, clock, sessions, config, loginThrottle } = fastify
    fastify.decorate(
      'accounts',
      createAccounts({
        store,
        clock,
        sessions,
        ...fastify.passwords,
        throttle: loginThrottle,
        registration: config.AUTH_REGISTRATION
      })
    )
  },
  { name: 'accounts', dependencies: ['config', 'store', 'sessions', 'passwords', 'login-throttle'] }
)
