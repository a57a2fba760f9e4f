import fp from 'fastify-plugin'
import { type Revocable, RevocationSet, type Standing } from '../domain/revocations.ts'

const POLL_INTERVAL = 250
/** How long revocations may go unread before no token is accepted any more. */
const LONGEST_BLINDNESS = 10_000

export interface Revocations {
  standingOf(claims: Revocable): Standing
  /** False once the database could not be read for 10 s: then nobody can say what was revoked. */
  isCurrent(): boolean
  /** Reads what was revoked since. */
  poll(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    revocations: Revocations
  }
}

/** Decorates `revocations`: the live entries in memory, told at once of this process's commits, polled for others'. */
export default fp<{ uptime: () => number }>(
  async (fastify, { uptime }) => {
    const { store, clock } = fastify
    const entries = new RevocationSet()
    let nextFrom = 0
    let readAt = Number.NEGATIVE_INFINITY

    async function poll(): Promise<void> {
      const startedAt = uptime()
      const { revocations, readAt: moment } = await store.revocations.since(nextFrom, clock())
      for (const revocation of revocations) entries.add(revocation)
      nextFrom = moment
      entries.prune(clock())
      readAt = startedAt
    }

    store.onCommit(({ revoked }) => revoked.forEach((revocation) => void entries.add(revocation)))
    await poll()

    let polling = false
    const timer = setInterval(async () => {
      if (polling) return
      polling = true
      try {
        await poll()
      } catch (error) {
        fastify.log.warn({ err: error }, 'could not read revocations')
      } finally {
        polling = false
      }
    }, POLL_INTERVAL)
    timer.unref()
    fastify.addHook('preClose', async () => clearInterval(timer))

    fastify.decorate('revocations', {
      standingOf: (claims) => entries.standingOf(claims),
      isCurrent: () => uptime() - readAt <= LONGEST_BLINDNESS,
      poll
    })
  },
  { name: 'revocations', dependencies: ['config', 'store'] }
)
