import { setTimeout as pause } from 'node:timers/promises'
import { Gauge } from '@prometheus-io/client'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SECOND } from '../../domain/clock.ts'
import { createDelivery } from '../../domain/mail/delivery.ts'
import { createLetterWriter } from '../../domain/mail/letters.ts'
import { oneAtATime } from '../../domain/one-at-a-time.ts'
import { repeat } from '../../domain/repeat.ts'
import { SettingsError } from '../../domain/settings/settings.ts'
import { type RenderMail, readTemplates } from './templates.ts'
import { type MailTransport, transportOf } from './transport.ts'

/** Milliseconds between two looks at the outbox, which other instances fill, too. */
const INTERVAL = 5 * SECOND
/** Milliseconds between a commit and the delivery: the reply to the request must not show whether a mail follows. */
const PAUSE = SECOND / 2
/** Milliseconds for which the end waits for a delivery that has begun. */
const LAST_WAIT = 3 * SECOND

declare module 'fastify' {
  interface FastifyInstance {
    /** Delivers the mail that is due. Resolves when no more is due. */
    deliverMail(): Promise<void>
  }
}

/** Decorates `deliverMail`. Runs it soon after each commit that stored a message, and every five seconds. */
export default fp(
  async (fastify, { transport: given }: { transport?: MailTransport | undefined }) => {
    const { store, config, log } = fastify
    const transport = given ?? transportOf(config)
    if (!transport) {
      fastify.decorate('deliverMail', async () => {})
      return
    }
    countWaiting(fastify)
    const deliver = deliveryBy(fastify, transport)
    let running: Promise<unknown> = Promise.resolve()
    const deliverMail = oneAtATime(async () => {
      running = deliver()
      await running
    })
    fastify.decorate('deliverMail', deliverMail)

    const failed = (error: unknown) => log.warn({ err: error }, 'could not deliver mail')
    let soon: NodeJS.Timeout | undefined
    store.onCommit(({ enqueued }) => {
      if (enqueued > 0) soon ??= setTimeout(deliverSoon, PAUSE).unref()
    })
    function deliverSoon() {
      soon = undefined
      deliverMail().catch(failed)
    }
    const stop = repeat(deliverMail, INTERVAL, failed)

    fastify.addHook('onClose', async () => {
      stop()
      clearTimeout(soon)
      // What is sent and not yet removed would be sent again.
      await Promise.race([running.catch(() => {}), pause(LAST_WAIT, undefined, { ref: false })])
      transport.close()
    })
  },
  { name: 'mail-delivery', dependencies: ['config', 'store', 'derived-keys', 'accounts', 'instruments'] }
)

function deliveryBy(fastify: FastifyInstance, transport: MailTransport): () => Promise<number> {
  const { store, clock, config, derivedKeys, accounts, log, instruments } = fastify
  const { passwordReset } = accounts
  const render = templatesOf(config.AUTH_MAIL_TEMPLATES)
  const write = createLetterWriter({ store, clock, passwordReset, issuer: config.AUTH_ISSUER })
  return createDelivery({
    store,
    clock,
    keys: derivedKeys.mail,
    write,
    send: (letter) => transport.send(render(letter)),
    observe(outcome, kind, error) {
      instruments?.mails.labels(outcome).inc()
      if (outcome === 'failed') log.warn({ err: error, kind }, 'a mail could not be delivered yet')
      if (outcome === 'given_up') log.error({ err: error, kind }, 'a mail was given up')
    }
  })
}

function templatesOf(folder: string): RenderMail {
  try {
    return readTemplates(folder)
  } catch (error) {
    throw new SettingsError([`AUTH_MAIL_TEMPLATES ${(error as Error).message}`])
  }
}

function countWaiting({ instruments, store }: FastifyInstance): void {
  if (!instruments) return
  new Gauge({
    name: 'gatehouse_mails_waiting',
    help: 'Mails that wait for their delivery.',
    registers: [instruments.registry],
    async collect() {
      const waiting = await store.outbox.count().catch(() => undefined)
      if (waiting !== undefined) this.set(waiting)
    }
  })
}
