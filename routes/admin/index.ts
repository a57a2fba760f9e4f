import type { FastifyPluginAsync } from 'fastify'
import { registerAll } from '../register-all.ts'
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
  await registerAll(fastify, [
    users,
    userSessions,
    userPasswordReset,
    userUnlock,
    roles,
    clients,
    clientSecrets,
    keys,
    audit
  ])
}

export default admin
