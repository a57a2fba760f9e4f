import fp from 'fastify-plugin'
import type { Clock } from '../domain/clock.ts'
import type { Config } from '../domain/config.ts'
import { type DerivedKeys, deriveKeys, loadMasterKey } from '../domain/master-key.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    clock: Clock
    derivedKeys: DerivedKeys
  }
}

/** Decorates `config`, `clock` and `derivedKeys`: what everything else is made from. */
export default fp<{ config: Config; clock: Clock }>(
  async (fastify, { config, clock }) => {
    fastify.decorate('config', config)
    fastify.decorate('clock', clock)
    const { AUTH_MASTER_KEY, AUTH_MASTER_KEY_PREVIOUS: previous, AUTH_DATA_DIR } = config
    const masterKey = loadMasterKey(AUTH_MASTER_KEY, AUTH_DATA_DIR)
    fastify.decorate(
      'derivedKeys',
      deriveKeys(masterKey, previous ? Buffer.from(previous, 'base64url') : undefined)
    )
  },
  { name: 'config' }
)
