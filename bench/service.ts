import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { buildApp } from '../app.ts'
import { loadSettings } from '../domain/settings/settings.ts'
import { serve } from './process.ts'

/** The production app on loopback, with one tiny route twice: open and guarded. */
const { config } = loadSettings(process.env, () => '')
const app = await buildApp(config)
const answer = async () => ({ ok: true })
app.get('/bench/open', answer)
app.get('/bench/guarded', { preHandler: app.guard() }, answer)
const origin = await app.listen({ host: '127.0.0.1', port: 0 })

const RESOLUTION = 1
const NANOSECONDS = 1e6
const MICROSECONDS = 1e3
const delay = monitorEventLoopDelay({ resolution: RESOLUTION })
let before = performance.eventLoopUtilization()
let cpuBefore = process.cpuUsage()

const jobs = {
  address: () => ({ origin, issuer: config.AUTH_ISSUER }),

  /** Watches the event loop from now on. */
  watch() {
    delay.reset()
    delay.enable()
    before = performance.eventLoopUtilization()
    cpuBefore = process.cpuUsage()
  },

  /** Returns, since `watch`: the event loop's utilization (0 to 1), its p99 delay (ms) and the CPU time (ms). */
  report() {
    delay.disable()
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      busy: performance.eventLoopUtilization(before).utilization,
      cpu: (user + system) / MICROSECONDS,
      delayP99: delay.percentile(99) / NANOSECONDS
    }
  }
}

export type ServiceJobs = typeof jobs
serve(jobs)
