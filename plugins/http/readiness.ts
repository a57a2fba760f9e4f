import fp from 'fastify-plugin'
import { shareAnswer } from './shared-answer.ts'

/** Milliseconds for which the database's answer is reused: all callers together ask it twice a second at most. */
const ANSWER_KEPT = 500

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns why this instance cannot serve: `draining`, `database`, `revocations`, `signing-keys`. */
    readiness: { reasons(): Promise<string[]> }
  }
}

/** Decorates `readiness`, which tells load balancers why to send no request here. Callers cannot load the database by it. */
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
