import fp from 'fastify-plugin'
import { MINUTE } from '../domain/clock.ts'
import { repeat } from '../domain/repeat.ts'
import { type BlockedLogins, createBlockedLogins } from '../domain/sign-in/blocked-logins.ts'
import { type CompleteSignIn, createCompleteSignIn } from '../domain/sign-in/complete.ts'
import { createDeviceMarks, type DeviceMarks } from '../domain/sign-in/device-marks.ts'
import { createPasswordSignIn, type PasswordSignIn } from '../domain/sign-in/password.ts'
import { createLoginThrottle, type LoginThrottle } from '../domain/sign-in/throttle.ts'

interface SignIn extends PasswordSignIn {
  complete: CompleteSignIn
  throttle: LoginThrottle
  devices: DeviceMarks
  blocked: BlockedLogins
}

declare module 'fastify' {
  interface FastifyInstance {
    signIn: SignIn
  }
}

/** Decorates `signIn`: the ways to sign in, and the counts of failed tries. Reports refused tries every minute. */
export default fp(
  async (fastify) => {
    const { store, clock, config, derivedKeys, sessions } = fastify
    const onError = (error: unknown) =>
      fastify.log.warn({ err: error }, 'refused sign-ins could not be counted')
    const devices = createDeviceMarks({ clock, key: derivedKeys.deviceMark })
    const blocked = createBlockedLogins({ store, clock, onError })
    const throttle = createLoginThrottle({
      store,
      clock,
      key: derivedKeys.throttle.current,
      limit: config.AUTH_LOGIN_LIMIT_PER_ACCOUNT,
      devices,
      blocked
    })
    const lifetimes = { idleTtl: config.AUTH_SESSION_IDLE_TTL, maxTtl: config.AUTH_SESSION_MAX_TTL }
    const complete = createCompleteSignIn({ sessions, lifetimes, clock })
    const { hasher } = fastify.passwords
    fastify.decorate('signIn', {
      ...createPasswordSignIn({ store, clock, sessions, hasher, throttle, complete }),
      complete,
      throttle,
      devices,
      blocked
    })
    const stop = repeat(blocked.report, MINUTE, onError)
    fastify.addHook('onClose', async () => {
      stop()
      await blocked.settle()
    })
  },
  {
    name: 'sign-in',
    dependencies: ['config', 'derived-keys', 'store', 'sessions', 'passwords']
  }
)
