// A service as JavaScript that every Node.js of the verifier's range can run: both guards, and a verifier, with the feed.
import { once } from 'node:events'
import { createVerifier, Refusal } from '@gatehouse/verifier'
import createGuard from '@gatehouse/verifier/express'
import guard from '@gatehouse/verifier/fastify'
import express from 'express'
import Fastify from 'fastify'

const { ISSUER: issuer, FEED_TOKEN: token } = process.env
const options = { issuer, audience: issuer, revocations: { token } }

const app = Fastify()
await app.register(guard, options)
app.get('/', { preHandler: app.guard() }, async ({ auth }) => ({ subject: auth.subject }))

const verifier = createVerifier(options)
app.get('/verified', async ({ headers }, reply) => {
  try {
    const { subject } = await verifier.verify(String(headers.authorization).slice('Bearer '.length))
    return { subject }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return reply.code(error.status).send({ code: error.code })
  }
})

const server = express()
  .get('/', createGuard(options)(), (request, response) => {
    response.json({ subject: request.auth.subject })
  })
  .listen(0, '127.0.0.1')
await once(server, 'listening')
const addresses = {
  version: process.versions.node,
  fastify: await app.listen({ host: '127.0.0.1', port: 0 }),
  express: `http://127.0.0.1:${server.address().port}`
}
process.stdout.write(`${JSON.stringify(addresses)}\n`)
