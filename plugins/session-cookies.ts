import cookie, { type CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../domain/config.ts'

export interface SessionCookies {
  names: { access: string; refresh: string }
  read(request: FastifyRequest): { access: string | undefined; refresh: string | undefined }
  /** `maxAge` in seconds; without it the cookies end with the browser session. */
  set(reply: FastifyReply, tokens: { access: string; refresh?: string }, maxAge?: number): void
  clear(reply: FastifyReply): void
}

declare module 'fastify' {
  interface FastifyInstance {
    sessionCookies: SessionCookies
  }
}

/** Decorates `sessionCookies`: the names and attributes of the two cookies stand here and nowhere else. */
export default fp(
  async (fastify) => {
    await fastify.register(cookie)
    fastify.decorate('sessionCookies', createSessionCookies(fastify.config))
  },
  { name: 'session-cookies', dependencies: ['config'] }
)

// Over plain http, which is for loopback only, a browser refuses the prefixes: the same names without them.
function createSessionCookies({
  secure,
  AUTH_COOKIE_DOMAIN: domain,
  AUTH_COOKIE_SAMESITE
}: Config): SessionCookies {
  const access = secure ? `${domain ? '__Secure-' : '__Host-'}access` : 'access'
  const refresh = secure ? '__Secure-refresh' : 'refresh'
  const common: CookieSerializeOptions = {
    httpOnly: true,
    secure,
    sameSite: AUTH_COOKIE_SAMESITE as 'lax' | 'strict'
  }
  const accessOptions: CookieSerializeOptions = { ...common, path: '/', ...(domain && { domain }) }
  const refreshOptions: CookieSerializeOptions = { ...common, path: '/auth' }

  return {
    names: { access, refresh },

    read: ({ cookies }) => ({ access: cookies[access], refresh: cookies[refresh] }),

    set(reply, tokens, maxAge) {
      const lasting = maxAge === undefined ? {} : { maxAge }
      reply.setCookie(access, tokens.access, { ...accessOptions, ...lasting })
      if (tokens.refresh) reply.setCookie(refresh, tokens.refresh, { ...refreshOptions, ...lasting })
    },

    clear(reply) {
      reply.clearCookie(access, accessOptions)
      reply.clearCookie(refresh, refreshOptions)
    }
  }
}
