import { setTimeout as pause } from 'node:timers/promises'
import { Client } from './client.ts'
import type { Cluster, Person } from './cluster.ts'
import { Lateness } from './lateness.ts'
import { TokenWatch, until } from './token-watch.ts'

/** Milliseconds for which a refused token is still sent. */
const AFTERMATH = 30
/** Milliseconds over which revocations are spread, so that they occur at any time between two polls. */
const SPREAD = 250

type Revoke = (cluster: Cluster, instance: number, person: Person) => Promise<unknown>

/** The ways to revoke an access token before it expires. */
const ways: Record<string, Revoke> = {
  logout: ({ instances }, instance, { cookie }) =>
    new Client(instances[instance]?.url ?? '', cookie).must('POST', '/auth/logout'),
  disabled: (cluster, instance, { id }) =>
    cluster.administrator(instance).must('PATCH', `/admin/users/${id}`, { disabled: true }),
  'roles changed': (cluster, instance, { id }) =>
    cluster.administrator(instance).must('PATCH', `/admin/users/${id}`, { roles: ['clerk'] }),
  deleted: (cluster, instance, { id }) => cluster.administrator(instance).must('DELETE', `/admin/users/${id}`)
}

/**
 * One revocation, and the milliseconds from its acknowledgement to the sending of the last accepted call. `own` is of the
 * instance that acknowledged, `others` of the other instances, `following` of a service that follows.
 */
export interface Revoked {
  way: string
  cookie: string
  own: number
  others: number[]
  following: number
  /** The number of calls that a route accepted after it had refused one. */
  relapses: number
  /** Milliseconds to allow for delays of this machine during the measurement. */
  allowance: number
}

/** Revokes the tokens of `count` users, in every way on every instance by turns. Sends each token to all routes. */
export async function measureRevocations(
  cluster: Cluster,
  following: string,
  { count, atOnce = 4 }: { count: number; atOnce?: number }
): Promise<Revoked[]> {
  const revoked: Revoked[] = []
  let begun = 0
  const worker = async () => {
    while (begun < count) {
      const turn = begun
      begun += 1
      revoked.push(await measureOne(cluster, following, turn))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return revoked
}

async function measureOne(cluster: Cluster, following: string, turn: number): Promise<Revoked> {
  const names = Object.keys(ways)
  const way = names[turn % names.length] as string
  const instance = Math.floor(turn / names.length) % cluster.instances.length
  const person = await cluster.signUp((instance + 1) % cluster.instances.length)
  const watches = [...cluster.routes(), following].map((route) => new TokenWatch(route, person.cookie))
  try {
    await until(() => watches.every(({ acceptedAt }) => acceptedAt > 0), 'the token is accepted')
    await pause(Math.random() * SPREAD)
    const lateness = new Lateness()
    await ways[way]?.(cluster, instance, person)
    const acknowledgedAt = performance.now()
    const isRefused = () => watches.every(({ refusedAt }) => refusedAt < Number.POSITIVE_INFINITY)
    await until(isRefused, `${way}: the token is refused everywhere`)
    await pause(AFTERMATH)
    const delays = watches.map(({ acceptedAt }) => Math.max(0, acceptedAt - acknowledgedAt))
    return {
      way,
      cookie: person.cookie,
      own: delays[instance] as number,
      others: delays.slice(0, -1).filter((_, index) => index !== instance),
      following: delays.at(-1) as number,
      relapses: watches.reduce((total, { relapses }) => total + relapses, 0),
      allowance: lateness.stop()
    }
  } finally {
    await Promise.all(watches.map((watch) => watch.stop()))
  }
}

export function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN
}
