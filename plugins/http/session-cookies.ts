import cookie, { type CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readSessionBinding, type SessionBinding, sealSessionBinding } from '../../domain/sessions/binding.ts'
import type { Config } from '../../domain/settings/config.ts'
import { BoundedMap } from '../../verifier/bounded-map.ts'
import { cookieValues } from '../../verifier/cookies.ts'
import { carriesBearer } from '../../verifier/credentials.ts'

const KNOWN_BINDINGS = 10_000

/** The cookies to set in a browser. A cookie that is left out stays as it is. */
export interface GivenCookies {
  access: string
  refresh?: string
  binding?: SessionBinding
}

type WithHeaders = Pick<FastifyRequest, 'headers'>

/** Every value that a request sends for each cookie, not verified yet. All are ignored if it sends a bearer token. */
export interface ShownCookies {
  access: string[]
  refresh: string[]
  session: string[]
}

export interface SessionCookies {
  names: { access: string; refresh: string; session: string }
  read(request: WithHeaders): ShownCookies
  /** Returns the one session that the session cookie binds the browser to; undefined if the cookies name two sessions. */
  bindingOf(request: WithHeaders): SessionBinding | undefined
  /** Returns every session that a session cookie of this request names: several only if another host has set one. */
  bindingsOf(request: WithHeaders): SessionBinding[]
  /** Sets the cookies. `maxAge` is in seconds; without it, the cookies end with the browser session. */
  set(reply: FastifyReply, given: GivenCookies, maxAge?: number): void
  clear(reply: FastifyReply): void
}

declare module 'fastify' {
  interface FastifyInstance {
    sessionCookies: SessionCookies
  }
}

/** Decorates `sessionCookies`: the only place that knows the names and attributes of a session's cookies. */
export default fp(
  async (fastify) => {
    // The guard's parser reads cookies: two parsers that differ could be played against each other.
    await fastify.register(cookie, { hook: false })
    fastify.decorate('sessionCookies', createSessionCookies(fastify))
  },
  { name: 'session-cookies', dependencies: ['config', 'derived-keys'] }
)

function createSessionCookies({ config, derivedKeys }: FastifyInstance): SessionCookies {
  const { names, options } = describeCookies(config)
  const { current, accepted } = derivedKeys.sessionBinding
  const genuine = new BoundedMap<string, SessionBinding>(KNOWN_BINDINGS)

  function bindingOfText(text: string): SessionBinding | undefined {
    const known = genuine.get(text)
    if (known) return known
    const binding = readSessionBinding(text, accepted)
    if (binding) genuine.set(text, binding)
    return binding
  }

  function read({ headers }: WithHeaders): ShownCookies {
    if (carriesBearer(headers)) return { access: [], refresh: [], session: [] }
    const valuesOf = (name: string) => cookieValues(headers.cookie, name)
    return {
      access: valuesOf(names.access),
      refresh: valuesOf(names.refresh),
      session: valuesOf(names.session)
    }
  }

  function bindingsOf(request: WithHeaders): SessionBinding[] {
    return read(request).session.flatMap((text) => bindingOfText(text) ?? [])
  }

  return {
    names,
    read,
    bindingsOf,

    bindingOf(request) {
      const [binding, ...others] = bindingsOf(request)
      return others.every(({ sessionId }) => sessionId === binding?.sessionId) ? binding : undefined
    },

    set(reply, { access, refresh, binding }, maxAge) {
      const lasting = maxAge === undefined ? {} : { maxAge }
      reply.setCookie(names.access, access, { ...options.access, ...lasting })
      if (refresh) reply.setCookie(names.refresh, refresh, { ...options.refresh, ...lasting })
      if (binding) {
        reply.setCookie(names.session, sealSessionBinding(binding, current), {
          ...options.session,
          ...lasting
        })
      }
    },

    clear(reply) {
      reply.clearCookie(names.access, options.access)
      reply.clearCookie(names.refresh, options.refresh)
      reply.clearCookie(names.session, options.session)
    }
  }
}

// A browser rejects the prefixes over plain http, which is for loopback only: the names have none there.
function describeCookies({ secure, AUTH_COOKIE_DOMAIN: domain, AUTH_COOKIE_SAMESITE: sameSite }: Config) {
  const common: CookieSerializeOptions = { httpOnly: true, secure, sameSite }
  const host = secure ? '__Host-' : ''
  return {
    names: {
      access: secure && domain ? '__Secure-access' : `${host}access`,
      refresh: secure ? '__Secure-refresh' : 'refresh',
      session: `${host}session`
    },
    options: {
      access: { ...common, path: '/', ...(domain && { domain }) },
      refresh: { ...common, path: '/auth' },
      session: { ...common, path: '/' }
    }
  }
}
