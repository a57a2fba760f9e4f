import { createHash, randomBytes } from 'node:crypto'
import { requireNewEmail } from './accounts/new-email.ts'
import { type AccountParts, newUser } from './accounts/registration.ts'
import { DAY } from './clock.ts'
import { Problem } from './errors.ts'
import { auditEvent, type Caller } from './model/audit.ts'
import type { OneTimeToken } from './model/one-time-token.ts'
import type { Session } from './model/session.ts'
import type { Transaction } from './model/store.ts'
import type { User } from './model/user.ts'
import { ADMIN_ROLE } from './roles/scopes.ts'
import type { SignedIn } from './sessions/sessions.ts'

const TOKEN_BYTES = 32
const LIFETIME = DAY

/** A link that works once. The token stands behind `#`, which browsers keep to themselves. */
export interface OneTimeLink {
  token: string
  url: string
  expiresAt: number
}

export type OneTimeLinks = ReturnType<typeof createOneTimeLinks>

/** Links that let somebody choose a password once: the first administrator's, and those an administrator hands out. */
export function createOneTimeLinks({
  store,
  clock,
  sessions,
  hasher,
  checkPassword,
  throttle,
  issuer
}: Omit<AccountParts, 'registration'> & { issuer: string }) {
  async function issueWithin(
    tx: Transaction,
    purpose: OneTimeToken['purpose'],
    userId: string | null,
    path: string
  ): Promise<OneTimeLink> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const expiresAt = clock() + LIFETIME
    await tx.oneTimeTokens.insert({ hash: hashOf(token), purpose, userId, expiresAt })
    return { token, url: `${issuer}${path}#token=${token}`, expiresAt }
  }

  return {
    /** The link that makes the first administrator; undefined once there is one. */
    async setUp(): Promise<OneTimeLink | undefined> {
      if ((await store.users.countAdministrators()) > 0) return undefined
      return store.transaction((tx) => issueWithin(tx, 'setup', null, '/auth/setup'))
    },

    /** The link by which a user chooses a password; those made before stop working. */
    async choosePasswordWithin(tx: Transaction, userId: string): Promise<OneTimeLink> {
      await tx.oneTimeTokens.withdraw('password', userId)
      return issueWithin(tx, 'password', userId, '/auth/password/reset')
    },

    /** Makes the first administrator. Throws a Problem `already_set_up`, `invalid_token`, `weak_password` or `email_taken`. */
    async redeemSetUp(
      input: { token: string; email: string; password: string; name?: string | null | undefined },
      caller: Caller,
      previous: Session | undefined
    ): Promise<SignedIn> {
      if ((await store.users.countAdministrators()) > 0) throw new Problem('already_set_up')
      const hash = hashOf(input.token)
      if (!(await store.oneTimeTokens.find(hash, 'setup', clock()))) throw new Problem('invalid_token')
      const email = requireNewEmail(input.email)
      checkPassword(input.password, { email, name: input.name }, '/password')
      const passwordHash = await hasher.hash(input.password)
      const user = newUser(email, input.name ?? null, passwordHash, clock())
      return store.transaction(async (tx) => {
        await tx.exclusive('roles')
        if ((await tx.users.countAdministrators()) > 0) throw new Problem('already_set_up')
        if (!(await tx.oneTimeTokens.consume(hash, 'setup', clock()))) throw new Problem('invalid_token')
        if (!(await tx.users.insert(user))) throw new Problem('email_taken')
        await tx.users.setRoles(user.id, [ADMIN_ROLE])
        await tx.oneTimeTokens.withdraw('setup', null)
        await tx.users.recordLogin(user.id, passwordHash, clock())
        const opening = { userId: user.id, previous, as: 'administrator.set_up' } as const
        return sessions.present(await sessions.openWithin(tx, opening, caller), tx)
      })
    },

    /**
     * Sets the password that the link's owner chose; all their sessions end, and no count of failures delays them. Throws
     * a Problem `invalid_token` or `weak_password`.
     */
    async redeemPassword(input: { token: string; password: string }, caller: Caller): Promise<User> {
      const hash = hashOf(input.token)
      const token = await store.oneTimeTokens.find(hash, 'password', clock())
      const user = token?.userId ? await store.users.find(token.userId) : undefined
      if (!user || user.disabled) throw new Problem('invalid_token')
      checkPassword(input.password, user, '/password')
      const passwordHash = await hasher.hash(input.password)
      return store.transaction(async (tx) => {
        if (!(await tx.oneTimeTokens.consume(hash, 'password', clock()))) throw new Problem('invalid_token')
        if (!(await tx.users.setPasswordHash(user.id, user.passwordHash, passwordHash)))
          throw new Problem('invalid_token')
        await tx.oneTimeTokens.withdraw('password', user.id)
        await sessions.endAllWithin(tx, user.id, 'password_reset')
        await throttle.clearAccountWithin(tx, user.email)
        await tx.audit.append(
          auditEvent('password.reset', caller, clock(), { actorId: user.id, userId: user.id })
        )
        return (await tx.users.find(user.id)) as User
      })
    }
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
