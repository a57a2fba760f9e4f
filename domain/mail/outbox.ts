import type { Clock } from '../clock.ts'
import { uuidv7 } from '../id.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import { seal } from '../keys/seal.ts'
import type { Transaction } from '../model/store.ts'
import type { MailMessage } from './messages.ts'

export type Outbox = ReturnType<typeof createOutbox>

/** Stores messages for delivery in the transaction of the change that they tell of. */
export function createOutbox({ clock, keys, isOn }: { clock: Clock; keys: DerivedKey; isOn: boolean }) {
  return {
    /** Whether Gatehouse can send mail at all. */
    isOn,

    /** Seals a message and stores it. Does nothing if there is no mail. */
    async enqueueWithin(tx: Transaction, message: MailMessage): Promise<void> {
      if (!isOn) return
      const id = uuidv7()
      const sealed = seal(JSON.stringify(message), id, keys.current)
      await tx.outbox.insert({ id, kind: message.kind, sealed, createdAt: clock(), dueAt: clock() })
    }
  }
}
