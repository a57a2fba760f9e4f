import Fastify from 'fastify'
import guard from '../verifier/fastify.ts'
import { serve } from './process.ts'

/** A service that uses the verifier as its README says, with one tiny route twice: open and guarded. */
const { ISSUER: issuer = '', GATEHOUSE: url = '' } = process.env
const app = Fastify()
await app.register(guard, { issuer, audience: issuer, url, revocations: 'none' })
const answer = async () => ({ ok: true })
app.get('/open', answer)
app.get('/guarded', { preHandler: app.guard() }, answer)
const origin = await app.listen({ host: '127.0.0.1', port: 0 })

const MICROSECONDS = 1e3

const jobs = {
  address: () => origin,

  /** Returns the CPU time of this process so far, in milliseconds. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return (user + system) / MICROSECONDS
  }
}

export type VerifierServiceJobs = typeof jobs
serve(jobs)
