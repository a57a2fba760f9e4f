import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { isRefusal } from './client.ts'
import { explain } from './refusal.ts'

/** Milliseconds until a refused subscription is tried again. */
const RETRY = 5000

/** The messages by which instances tell each other to read. They have no content. */
export interface Announcements {
  announce(): void
  close(): void
}

/** Announces on a channel through Valkey, and calls `onMessage` for what others announce. Logs once if Valkey refuses either. */
export function createAnnouncements(
  valkey: Redis,
  channel: string,
  log: FastifyBaseLogger,
  onMessage: () => void
): Announcements {
  const refused = new Set<string>()
  let retry: NodeJS.Timeout | undefined
  const subscriber = valkey.duplicate({
    // A channel belongs to no database.
    db: 0,
    // If ioredis resubscribed by itself and failed, nothing would catch the error, and the process would end.
    autoResubscribe: false
  })

  // Logs one line when the first command is refused, and one when none is any more. A lost connection is the other one's news.
  async function attempt(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      if (refused.delete(name) && refused.size === 0) log.info('Valkey announces revocations again')
    } catch (error) {
      if (!isRefusal(error)) return
      if (refused.size === 0)
        log.warn(explain(error as Error), 'Valkey announces no revocations: they are polled')
      refused.add(name)
    }
  }

  async function subscribe(): Promise<void> {
    clearTimeout(retry)
    await attempt('subscribe', () => subscriber.subscribe(channel))
    if (refused.has('subscribe')) retry = setTimeout(subscribe, RETRY).unref()
  }

  subscriber.on('error', () => {})
  subscriber.on('message', onMessage)
  // Subscribes after each new connection. Polling reads what missed announcements would have reported.
  subscriber.on('ready', subscribe)
  // The address may lead to another server now: both connections must be at the same one.
  valkey.on('reconnecting', () => {
    if (subscriber.status === 'ready') subscriber.disconnect(true)
  })

  return {
    announce: () => void attempt('publish', () => valkey.publish(channel, '')),
    close() {
      clearTimeout(retry)
      subscriber.disconnect()
    }
  }
}
