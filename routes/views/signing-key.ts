import { toIso } from '../../domain/clock.ts'
import type { KeyStatus } from '../../domain/keys/schedule.ts'
import type { SigningKey } from '../../domain/model/signing-key.ts'
import type { SigningKeyView } from '../../schemas/signing-key.ts'

export function signingKeyView({
  kid,
  algorithm,
  status,
  imported,
  createdAt,
  activatesAt
}: SigningKey & { status: KeyStatus }): SigningKeyView {
  return { kid, algorithm, status, imported, createdAt: toIso(createdAt), activatesAt: toIso(activatesAt) }
}
