import { type Clock, DAY, HOUR, MINUTE } from '../clock.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import { unsealWithAny } from '../keys/seal.ts'
import { auditEvent, itself } from '../model/audit.ts'
import type { OutboxEntry } from '../model/outbox.ts'
import type { Store } from '../model/store.ts'
import type { Letter, MailMessage } from './messages.ts'

/** Messages that one instance delivers at once. */
const AT_ONCE = 4
/** Milliseconds for which a message belongs to the instance that took it: longer than any attempt. */
const LEASE = 3 * MINUTE
const FIRST_DELAY = MINUTE / 2
const LONGEST_DELAY = HOUR
/** Milliseconds after which a message is given up. */
const LIFETIME = DAY

/** Says that no further attempt can succeed. */
export class PermanentFailure extends Error {}

/** How an attempt ends. `dropped`: no account has the address. `failed`: Gatehouse tries again. `given_up`: it does not. */
export const deliveryOutcomes = ['sent', 'dropped', 'failed', 'given_up'] as const
export type DeliveryOutcome = (typeof deliveryOutcomes)[number]

export interface DeliveryParts {
  store: Store
  clock: Clock
  keys: DerivedKey
  /** Writes the letter of a message. Returns undefined if the account does not exist or is disabled. */
  write(message: MailMessage): Promise<Letter | undefined>
  /** Sends a letter. Throws an Error if it must be tried again, or a PermanentFailure. */
  send(letter: Letter): Promise<void>
  /** Called after each attempt, with its outcome. */
  observe(outcome: DeliveryOutcome, kind: string, error?: unknown): void
}

/**
 * Returns a function that delivers what is due, and resolves to the number of its attempts. Instances share the work: each
 * message belongs to one at a time. A message is removed after it was sent, so a crash in between sends it twice.
 */
export function createDelivery({ store, clock, keys, write, send, observe }: DeliveryParts) {
  return async function deliver(): Promise<number> {
    let attempts = 0
    for (;;) {
      const now = clock()
      const claimed = await store.outbox.claim(now, now + LEASE, AT_ONCE)
      if (claimed.length === 0) return attempts
      attempts += claimed.length
      await Promise.all(claimed.map(deliverOne))
    }
  }

  async function deliverOne(entry: OutboxEntry): Promise<void> {
    let letter: Letter | undefined
    try {
      letter = await write(open(entry))
      if (letter) await send(letter)
      await store.outbox.remove(entry.id)
      observe(letter ? 'sent' : 'dropped', entry.kind)
    } catch (error) {
      await retryLater(entry, letter?.userId ?? null, error)
    }
  }

  function open({ id, sealed }: OutboxEntry): MailMessage {
    const text = unsealWithAny(sealed, id, keys)
    if (text === undefined) throw new PermanentFailure('no master key opens it')
    return JSON.parse(text)
  }

  async function retryLater(entry: OutboxEntry, userId: string | null, error: unknown): Promise<void> {
    const dueAt = clock() + delayAfter(entry.attempts)
    if (!(error instanceof PermanentFailure) && dueAt < entry.createdAt + LIFETIME) {
      await store.outbox.postpone(entry.id, dueAt)
      return observe('failed', entry.kind, error)
    }
    await giveUp(entry, userId)
    observe('given_up', entry.kind, error)
  }

  async function giveUp({ id, kind, attempts }: OutboxEntry, userId: string | null): Promise<void> {
    await store.transaction(async (tx) => {
      await tx.outbox.remove(id)
      const about = { userId, detail: { kind, attempts } }
      await tx.audit.append(auditEvent('mail.given_up', itself, clock(), about))
    })
  }
}

/** Returns the milliseconds until the next attempt: they double. */
function delayAfter(attempts: number): number {
  return Math.min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY)
}
