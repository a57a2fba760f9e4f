import { availableParallelism } from 'node:os'
import { loadSettings } from '../domain/settings/settings.ts'
import { type Engine, engines } from '../test/harness/engines.ts'
import { withPeers, withService } from './bed.ts'
import { compare, inRounds, type Result } from './figure.ts'

const ROUNDS = 4
const SECONDS = 2.5
const PEOPLE = 64

/** The number of hashes that the service admits at once, and enough clients to keep its slots full. */
const SLOTS = availableParallelism()
const CLIENTS = 4 * SLOTS

/** Compares logins with argon2 alone, at the same cost and concurrency. */
export async function benchLogin(): Promise<Result[]> {
  const results: Result[] = []
  for (const engine of engines) results.push(await benchOn(engine))
  return results
}

async function benchOn(engine: Engine): Promise<Result> {
  const name = `logins, ${engine.name}`
  if (engine.missing) return { name, skipped: engine.missing }
  const cost = defaultCost()
  return withPeers((peers) =>
    withService({ engine, people: PEOPLE }, async ({ load }) => {
      const rounds = await inRounds(ROUNDS, async () => ({
        peer: await peers.call('verify', cost, SLOTS, SECONDS),
        ours: await load.call('login', CLIENTS, SECONDS)
      }))
      return compare(
        { name, unit: '/s', peer: `bare argon2.verify, ${SLOTS} in flight`, target: { atLeast: 0.9 } },
        rounds
      )
    })
  )
}

function defaultCost() {
  const { config } = loadSettings({}, () => '')
  return {
    memoryCost: config.AUTH_ARGON2_MEMORY_KIB,
    timeCost: config.AUTH_ARGON2_TIME,
    parallelism: config.AUTH_ARGON2_PARALLELISM
  }
}
