import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { SECOND } from '../../domain/clock.ts'
import { MAILED_LIFETIME } from '../../domain/one-time-tokens.ts'
import { cookieValues } from '../../verifier/cookies.ts'

export interface RecoveryCookie {
  /** Returns the secret of the browser that asked for a link, or an empty text. */
  read(request: FastifyRequest): string
  set(reply: FastifyReply, secret: string): void
}

declare module 'fastify' {
  interface FastifyInstance {
    recoveryCookie: RecoveryCookie
  }
}

/** Decorates `recoveryCookie`, which binds the code of a mail to the browser that asked for the mail. */
export default fp(
  async (fastify) => {
    const { secure, AUTH_COOKIE_SAMESITE: sameSite } = fastify.config
    const name = secure ? '__Host-recovery' : 'recovery'
    const maxAge = MAILED_LIFETIME / SECOND
    const options: CookieSerializeOptions = { httpOnly: true, secure, sameSite, path: '/', maxAge }
    fastify.decorate('recoveryCookie', {
      read: ({ headers }) => cookieValues(headers.cookie, name)[0] ?? '',
      set: (reply, secret) => void reply.setCookie(name, secret, options)
    })
  },
  { name: 'recovery-cookie', dependencies: ['config', 'session-cookies'] }
)
