import type { OwnEvent } from '../../domain/accounts/own-events.ts'
import { toIso } from '../../domain/clock.ts'
import type { OwnEventView } from '../../schemas/own-event.ts'

export function ownEventView({ at, ...event }: OwnEvent): OwnEventView {
  return { ...event, at: toIso(at) }
}
