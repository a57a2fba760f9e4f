import fp from 'fastify-plugin'
import { createOutbox, type Outbox } from '../../domain/mail/outbox.ts'
import { mailRoute } from '../../domain/settings/mail.ts'

declare module 'fastify' {
  interface FastifyInstance {
    outbox: Outbox
  }
}

/** Decorates `outbox`, which stores messages for delivery by mail. */
export default fp(
  async (fastify) => {
    const { clock, derivedKeys, config } = fastify
    const isOn = mailRoute(config) !== 'none'
    fastify.decorate('outbox', createOutbox({ clock, keys: derivedKeys.mail, isOn }))
  },
  { name: 'outbox', dependencies: ['config', 'derived-keys', 'store'] }
)
