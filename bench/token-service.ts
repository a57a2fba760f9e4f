import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { buildApp } from '../app.ts'
import { operator } from '../commands/operator.ts'
import { openKey } from '../domain/keys/signing-key.ts'
import { loadSettings } from '../domain/settings/settings.ts'
import { serve } from './process.ts'
import type { SigningWork } from './token-signer.ts'

const FORM = 'application/x-www-form-urlencoded'

/** The production app on loopback, with one open route that parses a form and answers yes. */
const { config } = loadSettings(process.env, () => '')
const app = await buildApp(config)
await app.register(async (open) => {
  open.removeAllContentTypeParsers()
  open.addContentTypeParser(FORM, { parseAs: 'string' }, async (_request: unknown, body: string) =>
    Object.fromEntries(new URLSearchParams(body))
  )
  open.post('/bench/form', async () => ({ active: true }))
})
const origin = await app.listen({ host: '127.0.0.1', port: 0 })
const NANOSECONDS = 1e6
const delay = monitorEventLoopDelay({ resolution: 1 })
let before = performance.eventLoopUtilization()

const jobs = {
  address: () => ({ origin, issuer: config.AUTH_ISSUER }),

  /** Creates a machine client, and returns its id and Authorization header. */
  async makeClient() {
    const input = { name: 'bench', scope: ['orders:read', 'orders:write'], audiences: [], jwks: [] }
    const { client, made } = await app.clients.create(input, operator)
    const authorization = `Basic ${Buffer.from(`${client.id}:${made?.secret}`).toString('base64')}`
    return { id: client.id, authorization }
  },

  /** Returns the key and the claims to sign an access token of this client. */
  async signingWork(id: string): Promise<SigningWork> {
    const client = await app.store.clients.find(id)
    if (!client) throw new Error('there is no such client')
    const { privatePem, publicPem, kid, algorithm } = openKey(
      app.signingKeys.schedule().active,
      app.derivedKeys.signingKeyWrap
    )
    return { privatePem, publicPem, kid, algorithm, claims: { ...app.clients.tokens.forClient(client, {}) } }
  },

  /** Watches the event loop from now on. */
  watch() {
    delay.reset()
    delay.enable()
    before = performance.eventLoopUtilization()
  },

  /** Returns, since `watch`: the event loop's utilization (0 to 1) and its p99 delay (ms). */
  report() {
    delay.disable()
    const { utilization: busy } = performance.eventLoopUtilization(before)
    return { busy, delayP99: delay.percentile(99) / NANOSECONDS }
  }
}

export type TokenServiceJobs = typeof jobs
serve(jobs)
