import { createTokenSource } from '@gatehouse/verifier'
import guard from '@gatehouse/verifier/fastify'
import Fastify from 'fastify'

const {
  PORT = '4000',
  GATEHOUSE_URL = 'http://localhost:3000',
  GATEHOUSE_AUDIENCE = GATEHOUSE_URL,
  CLIENT_ID,
  CLIENT_SECRET
} = process.env

/** With a machine client it follows the revocations: a logout counts here within a second, too. */
const revocations = CLIENT_ID
  ? { token: createTokenSource({ issuer: GATEHOUSE_URL, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }) }
  : 'none'

const app = Fastify({ logger: true })
await app.register(guard, { issuer: GATEHOUSE_URL, audience: GATEHOUSE_AUDIENCE, revocations })

/** What everybody ordered, by the subject of their tokens. */
const ordersOf = new Map()

app.get('/protected', { preHandler: app.guard() }, async ({ auth }) => ({ logged_in_as: auth.subject }))

app.get('/orders', { preHandler: app.guard({ scope: 'orders:read' }) }, async ({ auth }) => ({
  items: ordersOf.get(auth.subject) ?? []
}))

const newOrder = {
  type: 'object',
  required: ['item'],
  properties: { item: { type: 'string', maxLength: 100 } }
}

app.post(
  '/orders',
  { preHandler: app.guard({ scope: 'orders:write' }), schema: { body: newOrder } },
  async ({ auth, body }, reply) => {
    const order = { item: body.item, orderedAt: new Date().toISOString() }
    ordersOf.set(auth.subject, [...(ordersOf.get(auth.subject) ?? []), order])
    reply.code(201)
    return order
  }
)

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
