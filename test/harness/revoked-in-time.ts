import type { Test } from 'tap'
import { measureRevocations, type Revoked } from './revocation-delay.ts'
import type { TokenWatch } from './token-watch.ts'
import type { WatchedCluster } from './watched-cluster.ts'

/** Milliseconds within which all routes must refuse a revoked token. */
export const LIMIT = 1000

/** Asserts that all routes refuse each of half a dozen revoked tokens in time. */
export async function assertRevocable(t: Test, { cluster, following }: WatchedCluster): Promise<void> {
  const revoked = await measureRevocations(cluster, following, { count: 6 })
  t.strictSame(tooLate(revoked), [], 'what is revoked is refused within a second')
}

/** Returns the revocations whose token was accepted again, or for too long. */
export function tooLate(revoked: Revoked[]): Revoked[] {
  return revoked.filter(
    ({ own, others, following, relapses, allowance }) =>
      relapses > 0 || own > 0 || Math.max(...others, following) > LIMIT + allowance
  )
}

/** Asserts that no route has accepted a token again after refusing it. */
export async function assertNeverAccepted(
  t: Test,
  watched: WatchedCluster,
  others: TokenWatch[] = []
): Promise<void> {
  await Promise.all(others.map((watch) => watch.stop()))
  t.strictSame(
    [...watched.revoked, ...others].map(({ relapses }) => relapses),
    [...watched.revoked, ...others].map(() => 0),
    'a revoked token is never accepted again'
  )
}

/** Asserts which statuses the signed-in user got on every route, and which ones every visitor got. */
export function assertServed(
  t: Test,
  { living, visits }: WatchedCluster,
  { guarded, visited }: { guarded: number[]; visited: number[] }
): void {
  t.strictSame(
    living.map(({ seen }) => seen),
    living.map(() => guarded)
  )
  for (const statuses of visits) t.strictSame([...statuses].sort(), visited)
}
