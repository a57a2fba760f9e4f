import fp from 'fastify-plugin'
import { type Administration, createAdministration } from '../domain/administration.ts'
import { createRoleAdministration, type RoleAdministration } from '../domain/role-administration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    administration: { users: Administration; roles: RoleAdministration }
  }
}

/** Decorates `administration`: what administrators do to users and roles. */
export default fp(
  async (fastify) => {
    const { store, clock, config, sessions, oneTimeLinks, passwords } = fastify
    fastify.decorate('administration', {
      users: createAdministration({ store, clock, config, sessions, links: oneTimeLinks, ...passwords }),
      roles: createRoleAdministration({ store, clock, config, sessions })
    })
  },
  { name: 'administration', dependencies: ['config', 'store', 'sessions', 'passwords', 'one-time-links'] }
)
