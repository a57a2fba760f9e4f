import type { FastifyPluginAsync } from 'fastify'
import check from './check.ts'
import csrf from './csrf.ts'
import login from './login.ts'
import logout from './logout.ts'
import logoutAll from './logout-all.ts'
import me from './me.ts'
import password from './password.ts'
import passwordReset from './password-reset.ts'
import reauthenticate from './reauthenticate.ts'
import refresh from './refresh.ts'
import register from './register.ts'
import session from './session.ts'
import sessions from './sessions.ts'
import setup from './setup.ts'

/** /auth: the endpoints for users' own accounts and sessions. */
const auth: FastifyPluginAsync = async (fastify) => {
  await fastify.register(register)
  await fastify.register(login)
  await fastify.register(refresh)
  await fastify.register(logout)
  await fastify.register(logoutAll)
  await fastify.register(me)
  await fastify.register(session)
  await fastify.register(sessions)
  await fastify.register(csrf)
  await fastify.register(check)
  await fastify.register(reauthenticate)
  await fastify.register(password)
  await fastify.register(passwordReset)
  await fastify.register(setup)
}

export default auth
