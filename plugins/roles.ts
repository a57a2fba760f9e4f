import fp from 'fastify-plugin'
import { createRoleAdministration, type RoleAdministration } from '../domain/roles/administration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    roles: RoleAdministration
  }
}

/** Decorates `roles`, by which administrators manage roles. */
export default fp(
  async (fastify) => {
    const { store, clock, config } = fastify
    fastify.decorate('roles', createRoleAdministration({ store, clock, config }))
  },
  { name: 'roles', dependencies: ['config', 'store'] }
)
