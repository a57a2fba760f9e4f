import type { Administrator } from '../domain/roles/authority.ts'
import { MANAGEMENT_SCOPE } from '../domain/roles/scopes.ts'

/** Who runs commands. A person who can reach the database may do everything. */
export const operator: Administrator = {
  caller: { actorId: 'operator', ip: null, userAgent: null, requestId: null },
  scope: [...MANAGEMENT_SCOPE]
}
