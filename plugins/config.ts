import fp from 'fastify-plugin'
import type { Clock } from '../domain/clock.ts'
import type { Config } from '../domain/settings/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
  }
}

/** Decorates `config` and `clock`: what everything else is made from. */
export default fp<{ config: Config; clock: Clock }>(
  async (fastify, { config, clock }) => {
    fastify.decorate('config', config)
    fastify.decorate('clock', clock)
  },
  { name: 'config' }
)
