import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import fp from 'fastify-plugin'
import { problems } from '../../domain/errors.ts'
import { deliveryOutcomes } from '../../domain/mail/delivery.ts'
import { auditTypes } from '../../domain/model/audit.ts'
import { removalJobs } from '../../domain/model/job.ts'
import { breachOutcomes } from '../../domain/passwords/breaches.ts'
import { refreshResults } from '../../domain/sessions/sessions.ts'
import { metricsExposure } from '../../domain/settings/metrics-exposure.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { outcomes } from './outcome.ts'

export type Instruments = ReturnType<typeof createInstruments>

declare module 'fastify' {
  interface FastifyInstance {
    /** The counters and histograms for Prometheus; undefined if `AUTH_METRICS` is off. */
    instruments: Instruments | undefined
  }
}

/** The reasons for load shedding, as @fastify/under-pressure names them. */
const PRESSURES = ['eventLoopDelay', 'heapUsedBytes', 'rssBytes']
const HASH_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]

/** Decorates `instruments`: the app's registry, and the counters and histograms that other plugins use. */
export default fp(
  async (fastify) => {
    const isOff = metricsExposure(fastify.config.AUTH_METRICS).by === 'nothing'
    fastify.decorate('instruments', isOff ? undefined : createInstruments())
  },
  { name: 'instruments', dependencies: ['config'] }
)

function createInstruments() {
  const registry = new Registry()
  const registers = [registry]

  /** Makes a counter with a series at zero for each value of its label: Prometheus sees the first increase, too. */
  function counter<L extends string>(name: string, help: string, label: L, values: readonly string[]) {
    const made = new Counter({ name: `gatehouse_${name}`, help, labelNames: [label], registers })
    for (const value of values) made.labels(value).inc(0)
    return made
  }

  function histogram(name: string, help: string) {
    return new Histogram({ name: `gatehouse_${name}`, help, buckets: HASH_BUCKETS, registers })
  }

  new Gauge({
    name: 'gatehouse_build_info',
    help: 'Always 1; which version this is.',
    labelNames: ['version'],
    registers
  }).set({ version: packageJson.version }, 1)

  return {
    registry,
    signIns: counter('sign_ins_total', 'Sign-ins with a password.', 'outcome', outcomes),
    registrations: counter('registrations_total', 'Registrations.', 'outcome', outcomes),
    clientTokens: counter('client_tokens_total', 'Tokens asked for by machine clients.', 'outcome', outcomes),
    refreshes: counter('refreshes_total', 'Refreshes of sessions.', 'result', refreshResults),
    signOuts: counter('sign_outs_total', 'Sign-outs that ended a session.', 'sessions', ['one', 'all']),
    audited: counter('audit_events_total', 'Audit events written by this instance.', 'type', auditTypes),
    breachChecks: counter('breach_checks_total', 'Passwords looked up.', 'outcome', breachOutcomes),
    rowsRemoved: counter('rows_removed_total', 'Rows removed at their end.', 'job', removalJobs),
    refusals: counter('refusals_total', 'Requests refused with a problem.', 'code', Object.keys(problems)),
    shed: counter('requests_shed_total', 'Requests refused under pressure.', 'pressure', PRESSURES),
    mails: counter('mails_total', 'Attempts to deliver a mail.', 'outcome', deliveryOutcomes),
    hashWait: histogram('password_hash_wait_seconds', 'How long a password hash waited for its turn.'),
    hashDuration: histogram('password_hash_duration_seconds', 'How long a password hash took.'),
    hashesRefused: new Counter({
      name: 'gatehouse_password_hashes_refused_total',
      help: 'Password hashes refused because too many waited.',
      registers
    })
  }
}
