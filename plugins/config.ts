import fp from 'fastify-plugin'
import type { Clock, Monotonic } from '../domain/clock.ts'
import type { Config } from '../domain/settings/config.ts'
import { steadyClock } from '../verifier/steady-clock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
    monotonic: Monotonic
    /** The clock for what may be forgotten: it does not follow a wall clock that jumps forward. */
    steadyClock: Clock
  }
}

/** Decorates `config` and the clocks, which all other plugins use. */
export default fp<{ config: Config; clock: Clock; monotonic: Monotonic; elapsed: Monotonic }>(
  async (fastify, { config, clock, monotonic, elapsed }) => {
    fastify.decorate('config', config)
    fastify.decorate('clock', clock)
    fastify.decorate('monotonic', monotonic)
    fastify.decorate('steadyClock', steadyClock(clock, elapsed))
  },
  { name: 'config' }
)
