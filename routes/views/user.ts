import { toIso } from '../../domain/clock.ts'
import type { User } from '../../domain/model/store.ts'
import type { UserView } from '../../schemas/user.ts'

/** Shows a user without any hash. */
export function userView(user: User): UserView {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    roles: user.roles,
    emailVerified: user.emailVerified,
    disabled: user.disabled,
    createdAt: toIso(user.createdAt),
    lastLoginAt: user.lastLoginAt === null ? null : toIso(user.lastLoginAt)
  }
}
