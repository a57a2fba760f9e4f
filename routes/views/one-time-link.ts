import { toIso } from '../../domain/clock.ts'
import type { OneTimeLink } from '../../domain/one-time-tokens.ts'
import type { OneTimeLink as OneTimeLinkView } from '../../schemas/admin.ts'

export function oneTimeLinkView({ token, url, expiresAt }: OneTimeLink): OneTimeLinkView {
  return { token, url, expiresAt: toIso(expiresAt) }
}
