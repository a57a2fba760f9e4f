import type { FastifyPluginAsync } from 'fastify'
import { registerAll } from '../register-all.ts'
import check from './check.ts'
import csrf from './csrf.ts'
import events from './events.ts'
import accountExport from './export.ts'
import login from './login.ts'
import logout from './logout.ts'
import logoutAll from './logout-all.ts'
import me from './me.ts'
import password from './password.ts'
import passwordForgot from './password-forgot.ts'
import passwordReset from './password-reset.ts'
import reauthenticate from './reauthenticate.ts'
import refresh from './refresh.ts'
import register from './register.ts'
import session from './session.ts'
import sessions from './sessions.ts'
import setup from './setup.ts'

/** /auth: the endpoints for users' own accounts and sessions. */
const auth: FastifyPluginAsync = async (fastify) => {
  await registerAll(fastify, [
    register,
    login,
    refresh,
    logout,
    logoutAll,
    me,
    accountExport,
    session,
    sessions,
    events,
    csrf,
    check,
    reauthenticate,
    password,
    passwordForgot,
    passwordReset,
    setup
  ])
}

export default auth
