import fp from 'fastify-plugin'
import { createPasswordHasher, type PasswordHasher } from '../domain/password-hash.ts'
import { createPasswordPolicy, type PasswordPolicy } from '../domain/password-policy.ts'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: { hasher: PasswordHasher; checkPassword: PasswordPolicy }
  }
}

/** Decorates `passwords`: argon2id under admission control, and what a password must be. */
export default fp(
  async (fastify) => {
    const { config } = fastify
    const hasher = await createPasswordHasher({
      memoryKib: config.AUTH_ARGON2_MEMORY_KIB,
      time: config.AUTH_ARGON2_TIME,
      parallelism: config.AUTH_ARGON2_PARALLELISM
    })
    const serviceWords = ['gatehouse', ...new URL(config.AUTH_ISSUER).hostname.split('.')]
    fastify.decorate('passwords', {
      hasher,
      checkPassword: createPasswordPolicy(config.AUTH_PASSWORD_MIN_LENGTH, serviceWords)
    })
  },
  { name: 'passwords', dependencies: ['config'] }
)
