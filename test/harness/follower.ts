import Fastify from 'fastify'
import guard from '../../verifier/fastify.ts'

export interface FollowerSettings {
  issuer: string
  /** Where Gatehouse is reached. */
  url: string
  /** With the scope `revocations:read`. */
  token: string
}

/** A service of somebody else's, in a process of its own: `/protected` is guarded, and Gatehouse's revocations are followed. */
const { issuer, url, token } = JSON.parse(process.argv[2] ?? '') as FollowerSettings
const app = Fastify()
await app.register(guard, { issuer, audience: issuer, url, revocations: { token } })
app.get('/protected', { preHandler: app.guard() }, async ({ auth }) => ({ logged_in_as: auth?.subject }))
const origin = await app.listen({ host: '127.0.0.1', port: 0 })

process.on('disconnect', () => process.exit())
process.send?.(`${origin}/protected`)
