import fp from 'fastify-plugin'
import { createPromotion, type Promote } from '../domain/accounts/promotion.ts'
import { type Administration, createAdministration } from '../domain/accounts/user-administration.ts'
import { createRoleAdministration, type RoleAdministration } from '../domain/roles/administration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    administration: { users: Administration; roles: RoleAdministration; promote: Promote }
  }
}

/** Decorates `administration`: what administrators do to users and roles. */
export default fp(
  async (fastify) => {
    const {
      store,
      clock,
      config,
      sessions,
      oneTimeLinks: links,
      passwords,
      loginThrottle: throttle
    } = fastify
    fastify.decorate('administration', {
      users: createAdministration({ store, clock, config, sessions, links, throttle, ...passwords }),
      roles: createRoleAdministration({ store, clock, config, sessions }),
      promote: createPromotion({ store, clock, config, sessions, links })
    })
  },
  {
    name: 'administration',
    dependencies: ['config', 'store', 'sessions', 'passwords', 'one-time-links', 'login-throttle']
  }
)
