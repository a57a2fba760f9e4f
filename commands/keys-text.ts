import { toIso } from '../domain/clock.ts'
import { type KeySchedule, withStatus } from '../domain/keys/schedule.ts'
import type { CommandResult } from './command.ts'

/** Describes the keys at this moment, as text and as JSON. */
export function keysText(schedule: KeySchedule): CommandResult {
  const keys = withStatus(schedule).map(({ kid, algorithm, status, imported, createdAt, activatesAt }) => ({
    kid,
    algorithm,
    status,
    imported,
    createdAt: toIso(createdAt),
    activatesAt: toIso(activatesAt)
  }))
  const lines = keys.map(
    ({ kid, algorithm, status, activatesAt }) =>
      `${kid}  ${algorithm.padEnd(5)}  ${status.padEnd(7)}  signs from ${activatesAt}`
  )
  return { text: lines.join('\n'), json: keys }
}
