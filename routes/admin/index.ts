import type { FastifyPluginAsync } from 'fastify'
import audit from './audit.ts'
import clientSecrets from './client-secrets.ts'
import clients from './clients.ts'
import keys from './keys.ts'
import roles from './roles.ts'
import userPasswordReset from './user-password-reset.ts'
import userSessions from './user-sessions.ts'
import userUnlock from './user-unlock.ts'
import users from './users.ts'

/** /admin: accounts, roles, machine clients, signing keys and the audit trail. Each route asks for a scope. */
const admin: FastifyPluginAsync = async (fastify) => {
  await fastify.register(users)
  await fastify.register(userSessions)
  await fastify.register(userPasswordReset)
  await fastify.register(userUnlock)
  await fastify.register(roles)
  await fastify.register(clients)
  await fastify.register(clientSecrets)
  await fastify.register(keys)
  await fastify.register(audit)
}

export default admin
