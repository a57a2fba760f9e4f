import fp from 'fastify-plugin'
import { clientAddress, createRanges } from '../../domain/settings/forwarded-address.ts'

/** Makes `request.ip` the only reader of forwarded addresses: limits, sessions, audit and log use it. */
export default fp(
  async (fastify) => {
    const proxies = createRanges(fastify.config.AUTH_TRUST_PROXY)
    let isTold = false
    const onRubbish = () => {
      if (isTold) return
      isTold = true
      fastify.log.warn(
        'X-Forwarded-For of a trusted proxy holds what is no IP address: it counts as the proxy'
      )
    }
    fastify.decorateRequest('ip', {
      getter() {
        const { headers, socket } = this.raw
        const forwarded = headers['x-forwarded-for'] as string | undefined
        return clientAddress(socket.remoteAddress ?? '', forwarded, proxies, onRubbish)
      }
    })
  },
  { name: 'forwarded-address', dependencies: ['config'] }
)
