import fp from 'fastify-plugin'
import { Problem } from '../domain/errors.ts'
import type { User } from '../domain/model/user.ts'
import type { Auth } from '../verifier/authorization.ts'
import { BoundedMap } from '../verifier/bounded-map.ts'

const CACHED_PROFILES = 10_000

export type Profile = Pick<User, 'email' | 'emailVerified' | 'name'>

export interface Profiles {
  /**
   * What the token does not say of its owner; nothing for a machine. Read from the database the first time, from memory
   * then. Throws a Problem `unauthorized` where the account is gone.
   */
  of(auth: Auth): Promise<Profile>
}

declare module 'fastify' {
  interface FastifyInstance {
    profiles: Profiles
  }
}

const NOBODY: Profile = { email: '', emailVerified: false, name: null }

/** Decorates `profiles`: e-mail addresses and names of those who make requests, kept in memory. */
export default fp(
  async (fastify) => {
    // Never out of date: whatever changes a profile raises the version, and a token of the one before is refused.
    const known = new BoundedMap<string, Promise<Profile>>(CACHED_PROFILES)

    async function read(id: string): Promise<Profile> {
      const user = await fastify.store.users.find(id)
      if (!user || user.disabled) throw new Problem('unauthorized')
      return { email: user.email, emailVerified: user.emailVerified, name: user.name }
    }

    // The promise is kept, so that requests that arrive while it is read share the reading.
    function remember(key: string, id: string): Promise<Profile> {
      const profile = read(id)
      known.set(key, profile)
      profile.catch(() => known.delete(key))
      return profile
    }

    fastify.decorate('profiles', {
      async of({ kind, subject, claims }) {
        if (kind === 'service') return NOBODY
        const key = `${subject} ${claims.ver}`
        return known.get(key) ?? remember(key, subject)
      }
    })
  },
  { name: 'profiles', dependencies: ['store', 'access-tokens'] }
)
