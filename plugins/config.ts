import fp from 'fastify-plugin'
import type { Clock, Monotonic } from '../domain/clock.ts'
import type { Config } from '../domain/settings/config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
    monotonic: Monotonic
  }
}

/** Decorates `config` and the two clocks, which all other plugins use. */
export default fp<{ config: Config; clock: Clock; monotonic: Monotonic }>(
  async (fastify, { config, clock, monotonic }) => {
    fastify.decorate('config', config)
    fastify.decorate('clock', clock)
    fastify.decorate('monotonic', monotonic)
  },
  { name: 'config' }
)
