import { toIso } from '../../domain/clock.ts'
import type { RevocationFeed } from '../../schemas/revocation.ts'
import type { Revocation } from '../../verifier/revocation-set.ts'

export function revocationView(revocation: Revocation): RevocationFeed['entries'][number] {
  const { kind, id } = revocation
  const expiresAt = toIso(revocation.expiresAt)
  return 'minVersion' in revocation
    ? { kind, id, minVersion: revocation.minVersion, expiresAt }
    : { kind, id, expiresAt }
}
