import fp from 'fastify-plugin'
import { MINUTE } from '../domain/clock.ts'
import { repeat } from '../domain/repeat.ts'
import { type BlockedLogins, createBlockedLogins } from '../domain/sign-in/blocked-logins.ts'
import { createLoginThrottle, type LoginThrottle } from '../domain/sign-in/throttle.ts'

declare module 'fastify' {
  interface FastifyInstance {
    loginThrottle: LoginThrottle & { blocked: BlockedLogins }
  }
}

/** Decorates `loginThrottle`: counts of the tries to sign in to an account. Reports refused ones every minute. */
export default fp(
  async (fastify) => {
    const { store, clock, config, derivedKeys, deviceCookie } = fastify
    const onError = (error: unknown) =>
      fastify.log.warn({ err: error }, 'refused sign-ins could not be counted')
    const blocked = createBlockedLogins({ store, clock, onError })
    const throttle = createLoginThrottle({
      store,
      clock,
      key: derivedKeys.throttle.current,
      limit: config.AUTH_LOGIN_LIMIT_PER_ACCOUNT,
      devices: deviceCookie.marks,
      blocked
    })
    fastify.decorate('loginThrottle', { ...throttle, blocked })
    const stop = repeat(blocked.report, MINUTE, onError)
    fastify.addHook('onClose', async () => {
      stop()
      await blocked.settle()
    })
  },
  { name: 'login-throttle', dependencies: ['config', 'derived-keys', 'store', 'device-cookie'] }
)
