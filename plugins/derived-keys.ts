import fp from 'fastify-plugin'
import { type DerivedKeys, keysOf, loadMasterKey } from '../domain/keys/master-key.ts'

declare module 'fastify' {
  interface FastifyInstance {
    derivedKeys: DerivedKeys
  }
}

/** Decorates `derivedKeys`, derived from the master key. A master key may be made only if the database has no signing key. */
export default fp(
  async (fastify) => {
    const { AUTH_MASTER_KEY, AUTH_DATA_DIR } = fastify.config
    const isNew = (await fastify.store.signingKeys.list()).length === 0
    const masterKey = loadMasterKey(AUTH_MASTER_KEY, AUTH_DATA_DIR, { mayMake: isNew })
    fastify.decorate('derivedKeys', keysOf(masterKey, fastify.config))
  },
  { name: 'derived-keys', dependencies: ['config', 'store'] }
)
