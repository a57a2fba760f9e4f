import type { Test } from 'tap'
import { measureRevocations, type Revoked } from './revocation-delay.ts'
import type { TokenWatch } from './token-watch.ts'
import type { WatchedCluster } from './watched-cluster.ts'

/** Milliseconds within which whatever is revoked is refused everywhere. */
export const LIMIT = 1000

/** A dozen revocations, each refused everywhere in time. */
export async function assertRevocable(t: Test, { cluster, following }: WatchedCluster): Promise<void> {
  const revoked = await measureRevocations(cluster, following, { count: 12 })
  t.strictSame(tooLate(revoked), [], 'what is revoked is refused within a second')
}

/** Those that were let in again, or longer than promised. */
export function tooLate(revoked: Revoked[]): Revoked[] {
  return revoked.filter(
    ({ own, others, following, relapses, allowance }) =>
      relapses > 0 || own > 0 || Math.max(...others, following) > LIMIT + allowance
  )
}

/** Neither what was revoked before, nor what was refused once, was let in since. */
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

/** What every call came to of somebody who is signed in, in every place, and what every visitor got at all. */
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
