import type { Teardown } from '../test/harness/build.ts'
import { startCluster } from '../test/harness/cluster.ts'
import { postgres } from '../test/harness/engines.ts'
import { measureRevocations, percentile, type Revoked } from '../test/harness/revocation-delay.ts'
import { valkey } from '../test/harness/valkey.ts'
import { compare, type Figure, type Result } from './figure.ts'

const PEOPLE = 1000
const NAME = 'revoked, still accepted'
/** Milliseconds. */
const P99_LIMIT = 250
const LIMIT = 1000

/**
 * Measures how long the two other instances, and a service that follows, accept a token after its revocation was acknowledged.
 * Three server processes share one PostgreSQL. Each token is sent to all of them every few milliseconds.
 */
export async function benchRevocation(): Promise<Result[]> {
  const skipped = postgres.missing || valkey.missing
  if (skipped) return [{ name: NAME, skipped }]
  const told = await withTeardown(async (t) => revokeAll(t, { REDIS_URL: (await valkey.start(t)).url }))
  const polled = await withTeardown((t) => revokeAll(t, {}))
  return [
    ...figures('with Valkey', told, { percent: 99, limit: P99_LIMIT }),
    ...figures('without', polled, { percent: 100, limit: LIMIT })
  ]
}

async function revokeAll(t: Teardown, env: Record<string, string>): Promise<Revoked[]> {
  const cluster = await startCluster(t, env)
  const following = await cluster.follow(cluster.instances[2]?.url ?? '')
  return measureRevocations(cluster, following, { count: PEOPLE })
}

function figures(how: string, revoked: Revoked[], bound: { percent: number; limit: number }): Figure[] {
  const others = revoked.flatMap(({ others }) => others)
  const following = revoked.map(({ following }) => following)
  return [
    figure(`${NAME} by others, ${how}`, others, bound),
    figure(`${NAME} by a service, ${how}`, following, bound)
  ]
}

function figure(
  name: string,
  delays: number[],
  { percent, limit }: { percent: number; limit: number }
): Figure {
  const [p50 = 0, p99 = 0, longest = 0] = [50, 99, 100].map((each) => Math.round(percentile(delays, each)))
  const note = `of ${delays.length}: p50 ${p50}, p99 ${p99}, longest ${longest} ms`
  const rounds = [{ ours: percentile(delays, percent), peer: limit }]
  return compare({ name, unit: 'ms', peer: `limit of p${percent}`, target: { atMost: 1 }, note }, rounds)
}

async function withTeardown<R>(work: (t: Teardown) => Promise<R>): Promise<R> {
  const handlers: Array<() => Promise<unknown> | unknown> = []
  try {
    return await work({ teardown: (handler) => handlers.unshift(handler) })
  } finally {
    for (const handler of handlers) await handler()
  }
}
