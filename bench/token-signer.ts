import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { serve } from './process.ts'

/** A key, and the claims to sign with it. */
export interface SigningWork {
  privatePem: string
  publicPem: string
  kid: string
  algorithm: 'ES256' | 'EdDSA' | 'RS256'
  claims: Record<string, unknown>
}

const BATCH = 100

const jobs = {
  /** Returns the access tokens per second that @fastify/jwt signs on one core that does nothing else. */
  async sign({ privatePem, publicPem, kid, algorithm, claims }: SigningWork, seconds: number) {
    const host = Fastify()
    const header = { alg: algorithm, typ: 'at+jwt' }
    const secret = { private: privatePem, public: publicPem }
    await host.register(jwt, { secret, sign: { algorithm, kid, header } })
    await host.ready()
    const startedAt = performance.now()
    let done = 0
    while (performance.now() < startedAt + seconds * 1000) {
      for (let i = 0; i < BATCH; i += 1) host.jwt.sign({ ...claims })
      done += BATCH
    }
    return (1000 * done) / (performance.now() - startedAt)
  }
}

export type SignerJobs = typeof jobs
serve(jobs)
