import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { SECOND } from '../../domain/clock.ts'
import { type Account, DEVICE_LIFETIME } from '../../domain/sign-in/device-marks.ts'
import { cookieValues } from '../../verifier/cookies.ts'

export interface DeviceCookie {
  /** Returns every value that a request sends, not verified yet. */
  read(request: FastifyRequest): string[]
  /** Marks the browser as known to an account. Only for a request that proved a password or a one-time link for it. */
  remember(request: FastifyRequest, reply: FastifyReply, account: Account): void
}

declare module 'fastify' {
  interface FastifyInstance {
    deviceCookie: DeviceCookie
  }
}

/** Decorates `deviceCookie`, by which an account recognises a browser that signed in before. It outlives sign-out. */
export default fp(
  async (fastify) => {
    const { config } = fastify
    const name = config.secure ? '__Host-device' : 'device'
    const options: CookieSerializeOptions = {
      httpOnly: true,
      secure: config.secure,
      sameSite: config.AUTH_COOKIE_SAMESITE,
      path: '/',
      maxAge: DEVICE_LIFETIME / SECOND
    }
    const marks = fastify.signIn.devices
    const read = ({ headers }: FastifyRequest) => cookieValues(headers.cookie, name)
    fastify.decorate('deviceCookie', {
      read,
      remember: (request, reply, account) =>
        void reply.setCookie(name, marks.add(read(request), account), options)
    })
  },
  { name: 'device-cookie', dependencies: ['config', 'session-cookies', 'sign-in'] }
)
