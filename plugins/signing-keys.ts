import fp from 'fastify-plugin'
import {
  jwksMaxAge,
  type KeyRules,
  type KeySchedule,
  publishedUntil,
  scheduleAt
} from '../domain/key-schedule.ts'
import { oneAtATime } from '../domain/one-at-a-time.ts'
import { repeat } from '../domain/repeat.ts'
import { type OpenedKey, openKey } from '../domain/signing-key.ts'
import { createSigningKeyLifecycle, type SigningKeyLifecycle } from '../domain/signing-keys.ts'
import type { SigningKey } from '../domain/store.ts'
import type { Algorithm, KeySource } from '../verifier/sources.ts'

const POLL_INTERVAL = 250
const UPKEEP_INTERVAL = 1000

export interface SigningKeys extends KeySource, Pick<SigningKeyLifecycle, 'rotate' | 'import' | 'keepUp'> {
  /** Which keys sign, will sign and did sign, at this moment. */
  schedule(): KeySchedule
  /** All that the JWKS has at this moment, and how many milliseconds others may keep it. */
  published(): SigningKey[]
  maxAge: number
  /** Reads the keys anew. Whoever makes ready for them has done so before they count. */
  poll(): Promise<void>
  /** Adopts this service's settings. For a service that starts; a command leaves the keys as they are. */
  adopt(): Promise<void>
  /** Makes ready for the keys that sign or will: called with them now, and before each change of the keys counts. */
  onChange(prepare: (keys: OpenedKey[]) => Promise<void>): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    signingKeys: SigningKeys
  }
}

/** Decorates `signingKeys`: the keys of the database in memory, read every 250 ms, rotated on schedule while listening. */
export default fp<{ uptime: () => number }>(
  async (fastify, { uptime }) => {
    const { config, store, derivedKeys, clock } = fastify
    const wrapKeys = derivedKeys.signingKeyWrap
    const rules: KeyRules = {
      algorithm: config.AUTH_JWT_ALG as Algorithm,
      rotation: config.AUTH_KEY_ROTATION
    }
    const lifecycle = createSigningKeyLifecycle({ store, clock, rules, wrapKeys })
    const listeners: Array<(keys: OpenedKey[]) => Promise<void>> = []
    let keys: SigningKey[] = []
    let byKid = new Map<string, SigningKey>()
    let triedAt = Number.NEGATIVE_INFINITY
    let failure: unknown

    const poll = oneAtATime(async () => {
      triedAt = uptime()
      try {
        const read = await lifecycle.list()
        if (hasChanged(keys, read)) await change(read)
        failure = undefined
      } catch (error) {
        failure = error
        throw error
      }
    })

    async function change(read: SigningKey[]): Promise<void> {
      const signing = signingOf(read)
      for (const prepare of listeners) await prepare(signing)
      // What stays the same stays the same object: verifiers keep what they made ready for it.
      byKid = new Map(read.map((key) => [key.kid, byKid.get(key.kid) ?? key]))
      keys = read
    }

    function signingOf(all: SigningKey[]): OpenedKey[] {
      const schedule = scheduleAt(all, clock())
      if (!schedule) throw new Error('There is no signing key')
      const { active, next } = schedule
      return [active, ...(next ? [next] : [])].flatMap(open)
    }

    // Sealed by an instance with another master key: its tokens are verified all the same, only to sign is not possible.
    function open(key: SigningKey): OpenedKey[] {
      try {
        return [openKey(key, wrapKeys)]
      } catch (error) {
        if (keys.length === 0) throw error
        fastify.log.error({ err: error, kid: key.kid }, 'a signing key cannot be opened')
        return []
      }
    }

    async function keepUp(): Promise<void> {
      if (!lifecycle.isDue(keys)) return
      await lifecycle.keepUp()
      await poll()
    }

    await lifecycle.begin()
    await poll()

    const warn = (message: string) => (error: unknown) => fastify.log.warn({ err: error }, message)
    const stops = [repeat(poll, POLL_INTERVAL, warn('could not read the signing keys'))]
    fastify.addHook('onListen', async () => {
      stops.push(repeat(keepUp, UPKEEP_INTERVAL, warn('could not rotate the signing keys')))
    })
    fastify.addHook('preClose', async () => {
      for (const stop of stops) stop()
    })

    fastify.decorate('signingKeys', {
      poll,
      keepUp,
      schedule: () => scheduleAt(keys, clock()) as KeySchedule,
      published: () => keys.filter((key) => publishedUntil(key, keys) > clock()),
      maxAge: jwksMaxAge(rules),
      find: (kid) => byKid.get(kid),

      // A made-up key id causes a reading at most as often as there is one anyway, whether it succeeds or not.
      async refresh() {
        if (uptime() - triedAt >= POLL_INTERVAL) await poll()
        else if (failure) throw failure
      },

      async adopt() {
        await lifecycle.adopt()
        await poll()
      },

      async rotate(caller) {
        await lifecycle.rotate(caller)
        await poll()
      },

      async import(text, caller) {
        const key = await lifecycle.import(text, caller)
        await poll()
        return key
      },

      async onChange(prepare) {
        await prepare(signingOf(keys))
        listeners.push(prepare)
      }
    })
  },
  { name: 'signing-keys', dependencies: ['config', 'derived-keys', 'store'] }
)

function hasChanged(before: SigningKey[], now: SigningKey[]): boolean {
  const same = ({ kid, activatesAt }: SigningKey, index: number) =>
    before[index]?.kid === kid && before[index].activatesAt === activatesAt
  return before.length !== now.length || !now.every(same)
}
