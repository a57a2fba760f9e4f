import { type KeySchedule, withStatus } from '../../domain/keys/schedule.ts'
import { signingKeyView } from '../../routes/views/signing-key.ts'
import { columns } from '../columns.ts'
import type { CommandResult } from '../command.ts'

/** Describes the keys at this moment, as text and as JSON. */
export function keysText(schedule: KeySchedule): CommandResult {
  const keys = withStatus(schedule).map(signingKeyView)
  const rows = keys.map(({ kid, algorithm, status, activatesAt }) => [
    kid,
    algorithm,
    status,
    `signs from ${activatesAt}`
  ])
  return { text: columns(rows), json: keys }
}
