import fp from 'fastify-plugin'
import { shareAnswer } from './shared-answer.ts'

/** Milliseconds for which the database's answer counts: it is asked twice a second at most, however many callers there are. */
const ANSWER_KEPT = 500

declare module 'fastify' {
  interface FastifyInstance {
    /** What keeps this instance from serving: `draining`, `database`, `revocations`, `signing-keys`. */
    readiness: { reasons(): Promise<string[]> }
  }
}

/** Decorates `readiness`: why no request should be sent here, without a load that strangers choose. */
export default fp(
  async (fastify) => {
    const { store, monotonic, draining, revocations, accessTokens } = fastify
    const ping = () =>
      store.ping().then(
        () => true,
        () => false
      )
    const isDatabaseThere = shareAnswer(ping, ANSWER_KEPT, monotonic)

    fastify.decorate('readiness', {
      async reasons() {
        const answers = await isDatabaseThere()
        return [
          ...(draining.hasBegun() ? ['draining'] : []),
          ...(answers ? [] : ['database']),
          ...(revocations.isCurrent() ? [] : ['revocations']),
          ...(accessTokens.canIssue() ? [] : ['signing-keys'])
        ]
      }
    })
  },
  { name: 'readiness', dependencies: ['store', 'draining', 'revocations', 'access-tokens'] }
)
