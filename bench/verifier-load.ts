import autocannon from 'autocannon'
import { serve } from './process.ts'

/** The load on a guarded service, in a separate process. */
const jobs = {
  /** Returns GETs per second. Each connection sends these cookies in turn. */
  async get(url: string, cookies: string[], connections: number, seconds: number) {
    const requests = cookies.map((cookie) => ({ headers: { cookie } }))
    const {
      requests: done,
      non2xx,
      errors
    } = await autocannon({ url, connections, duration: seconds, requests })
    if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} refusals, ${errors} errors`)
    return done.average
  }
}

export type VerifierLoadJobs = typeof jobs
serve(jobs)
