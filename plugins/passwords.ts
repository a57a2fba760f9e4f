import fp from 'fastify-plugin'
import { SECOND } from '../domain/clock.ts'
import { createPasswordHasher, type HashObserver, type PasswordHasher } from '../domain/passwords/hasher.ts'
import { createPasswordPolicy, type PasswordPolicy } from '../domain/passwords/policy.ts'
import type { Instruments } from './metrics/instruments.ts'

declare module 'fastify' {
  interface FastifyInstance {
    passwords: { hasher: PasswordHasher; checkPassword: PasswordPolicy }
  }
}

/** Decorates `passwords`: an argon2id hasher with admission control, and the password policy. */
export default fp(
  async (fastify, { hashMemoryKib }: { hashMemoryKib?: number | undefined }) => {
    const { config, instruments, isBreached } = fastify
    const cost = {
      memoryKib: hashMemoryKib ?? config.AUTH_ARGON2_MEMORY_KIB,
      time: config.AUTH_ARGON2_TIME,
      parallelism: config.AUTH_ARGON2_PARALLELISM
    }
    const hasher = await createPasswordHasher(cost, undefined, instruments && observe(instruments))
    const serviceWords = ['gatehouse', ...new URL(config.AUTH_ISSUER).hostname.split('.')]
    fastify.decorate('passwords', {
      hasher,
      checkPassword: createPasswordPolicy(config.AUTH_PASSWORD_MIN_LENGTH, serviceWords, isBreached)
    })
  },
  { name: 'passwords', dependencies: ['config', 'instruments', 'breach-check'] }
)

function observe({ hashWait, hashDuration, hashesRefused }: Instruments): HashObserver {
  return {
    hashed(waited, took) {
      hashWait.observe(waited / SECOND)
      hashDuration.observe(took / SECOND)
    },
    refused: () => hashesRefused.inc()
  }
}
