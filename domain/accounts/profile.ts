import type { Auth } from '../../verifier/authorization.ts'
import { BoundedMap } from '../../verifier/bounded-map.ts'
import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { auditEvent, type Caller } from '../model/audit.ts'
import type { Store } from '../model/store.ts'
import type { User } from '../model/user.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import { guardLastAdministrator } from '../roles/authority.ts'
import type { Sessions, SignedIn } from '../sessions/sessions.ts'

const CACHED_PROFILES = 10_000
const MACHINE: Profile = { email: '', emailVerified: false, name: null }

/** The facts about a token's owner that the access token does not carry. */
export type Profile = Pick<User, 'email' | 'emailVerified' | 'name'>

export type Profiles = ReturnType<typeof createProfiles>

/** Reads profiles. Lets users change and delete their own account. */
export function createProfiles({
  store,
  clock,
  sessions
}: {
  store: Store
  clock: Clock
  sessions: Sessions
}) {
  // Never stale: every change of a profile raises the version, and tokens of the version before are refused.
  const known = new BoundedMap<string, Promise<Profile>>(CACHED_PROFILES)

  async function read(id: string): Promise<Profile> {
    const user = await store.users.find(id)
    if (!user || user.disabled) throw new Problem('unauthorized')
    return { email: user.email, emailVerified: user.emailVerified, name: user.name }
  }

  // Keeps the promise, so that parallel requests share one read.
  function remember(key: string, id: string): Promise<Profile> {
    const profile = read(id)
    known.set(key, profile)
    profile.catch(() => known.delete(key))
    return profile
  }

  return {
    /** Returns the profile of a token's owner; empty for a machine. Throws a Problem `unauthorized` if the account is gone. */
    async profileOf({ kind, subject, claims }: Auth): Promise<Profile> {
      if (kind === 'service') return MACHINE
      const key = `${subject} ${claims.ver}`
      return known.get(key) ?? remember(key, subject)
    },

    /** Changes the name. Throws a Problem `unauthorized` if the session has ended in the meantime. */
    async rename(
      { userId, sessionId }: { userId: string; sessionId: string },
      name: string | null,
      caller: Caller
    ): Promise<SignedIn> {
      return store.transaction(async (tx) => {
        await tx.users.setName(userId, name)
        await revokeUserTokens(tx, { id: userId }, clock())
        await tx.audit.append(auditEvent('account.renamed', caller, clock(), { userId }))
        return sessions.withUser(await sessions.current(sessionId, tx), tx)
      })
    },

    /** Deletes the account and ends all its sessions. Throws a Problem `unauthorized` or `last_administrator`. */
    async deleteOwn(userId: string, caller: Caller): Promise<void> {
      await store.transaction(async (tx) => {
        const find = async () => {
          const user = await tx.users.find(userId)
          if (!user) throw new Problem('unauthorized')
          return user
        }
        await guardLastAdministrator(tx, find, () => sessions.deleteUserWithin(tx, userId))
        await tx.audit.append(auditEvent('account.deleted', caller, clock(), { userId }))
      })
    }
  }
}
