import Fastify from 'fastify'
import guard from '../../verifier/fastify.ts'

export interface FollowerSettings {
  issuer: string
  /** The address of Gatehouse. */
  url: string
  /** An access token with the scope `revocations:read`. */
  token: string
}

/** A service that uses the verifier, in a separate process. It guards `/protected`, and follows Gatehouse's revocations. */
const { issuer, url, token } = JSON.parse(process.argv[2] ?? '') as FollowerSettings
const app = Fastify()
await app.register(guard, { issuer, audience: issuer, url, revocations: { token } })
app.get('/protected', { preHandler: app.guard() }, async ({ auth }) => ({ logged_in_as: auth?.subject }))
const origin = await app.listen({ host: '127.0.0.1', port: 0 })

process.on('disconnect', () => process.exit())
process.send?.(`${origin}/protected`)
