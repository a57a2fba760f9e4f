import fp from 'fastify-plugin'
import { MINUTE } from '../domain/clock.ts'
import { createLoginThrottle, type LoginThrottle } from '../domain/login-throttle.ts'
import { repeat } from '../domain/repeat.ts'

declare module 'fastify' {
  interface FastifyInstance {
    loginThrottle: LoginThrottle
  }
}

/** Decorates `loginThrottle`: counts of the tries to sign in to an account. Reports refused ones every minute. */
export default fp(
  async (fastify) => {
    const { store, clock, config, derivedKeys, deviceCookie } = fastify
    const throttle = createLoginThrottle({
      store,
      clock,
      key: derivedKeys.throttle.current,
      limit: config.AUTH_LOGIN_LIMIT_PER_ACCOUNT,
      devices: deviceCookie.marks
    })
    fastify.decorate('loginThrottle', throttle)
    const stop = repeat(throttle.reportBlocked, MINUTE, (error) =>
      fastify.log.warn({ err: error }, 'could not report refused sign-ins')
    )
    fastify.addHook('onClose', async () => stop())
  },
  { name: 'login-throttle', dependencies: ['config', 'derived-keys', 'store', 'device-cookie'] }
)
