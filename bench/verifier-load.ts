import autocannon from 'autocannon'
import { serve } from './process.ts'

/** The load on a guarded service, in a process of its own. */
const jobs = {
  /** GETs a second, each connection showing one of these cookies after the other. */
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
