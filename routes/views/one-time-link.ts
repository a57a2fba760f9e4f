import { toIso } from '../../domain/clock.ts'
import type { OneTimeLink } from '../../domain/one-time-tokens.ts'
import type { OneTimeLinkView } from '../../schemas/one-time-link.ts'

export function oneTimeLinkView({ token, url, expiresAt }: OneTimeLink): OneTimeLinkView {
  return { token, url, expiresAt: toIso(expiresAt) }
}
