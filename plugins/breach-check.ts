import fp from 'fastify-plugin'
import { MINUTE, SECOND } from '../domain/clock.ts'
import { createBreachCheck, type IsBreached } from '../domain/passwords/breaches.ts'

const TIMEOUT = SECOND
/** Bytes. A padded range of Have I Been Pwned has about 60 KiB. */
const LARGEST_RANGE = 512 * 1024
/** Milliseconds between two warnings: an outage must not fill the log. */
const WARN_EVERY = MINUTE

declare module 'fastify' {
  interface FastifyInstance {
    /** Says whether a password is known from a breach; undefined if `AUTH_BREACH_CHECK_URL` is not set. */
    isBreached: IsBreached | undefined
  }
}

/** Decorates `isBreached`: asks a range API, which sees five characters of a hash. */
export default fp(
  async (fastify) => {
    const { config, instruments, log, monotonic } = fastify
    const url = config.AUTH_BREACH_CHECK_URL
    let warnedAt = Number.NEGATIVE_INFINITY
    const onFailure = (error: unknown) => {
      if (monotonic() - warnedAt < WARN_EVERY) return
      warnedAt = monotonic()
      log.warn({ err: error }, 'AUTH_BREACH_CHECK_URL does not answer: passwords pass without this check')
    }
    const check = createBreachCheck({
      findRange: (prefix) => fetchRange(url, prefix),
      onOutcome: (outcome) => instruments?.breachChecks.inc({ outcome }),
      onFailure
    })
    fastify.decorate('isBreached', url === '' ? undefined : check)
  },
  { name: 'breach-check', dependencies: ['config', 'instruments'] }
)

// The time-out covers the body, too. A redirect could lead into the internal network.
async function fetchRange(url: string, prefix: string): Promise<string> {
  const response = await fetch(url + prefix, {
    headers: { 'add-padding': 'true', 'user-agent': 'Gatehouse' },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT)
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the answer is ${response.status}`)
  }
  let size = 0
  const parts: Uint8Array[] = []
  // Leaving the loop cancels the body.
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > LARGEST_RANGE) throw new Error('the answer is too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
