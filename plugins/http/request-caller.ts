import fp from 'fastify-plugin'
import type { Caller } from '../../domain/model/audit.ts'

const USER_AGENT_LENGTH = 256
/** Some control characters control the terminal that shows a log. HTTP allows those above 127 in a header. */
const CONTROL_CHARACTERS = /\p{Cc}/gu

declare module 'fastify' {
  interface FastifyRequest {
    caller(): Caller
  }
}

/** Decorates `request.caller()`: the caller and their address, as the audit trail records them. */
export default fp(
  async (fastify) => {
    fastify.decorateRequest('caller', function caller(this) {
      const { subject = null, claims } = this.auth ?? {}
      const actor = claims?.act?.sub
      return {
        actorId: actor ?? subject,
        onBehalfOf: actor === undefined ? null : subject,
        ip: this.ip,
        userAgent:
          this.headers['user-agent']?.slice(0, USER_AGENT_LENGTH).replaceAll(CONTROL_CHARACTERS, '') ?? null,
        requestId: this.id
      }
    })
  },
  { name: 'request-caller', dependencies: ['guard', 'forwarded-address'] }
)
