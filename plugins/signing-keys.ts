import { isDeepStrictEqual } from 'node:util'
import fp from 'fastify-plugin'
import { createSigningKeyLifecycle, type SigningKeyLifecycle } from '../domain/keys/lifecycle.ts'
import {
  jwksMaxAge,
  type KeyRules,
  type KeySchedule,
  publishedUntil,
  scheduleAt
} from '../domain/keys/schedule.ts'
import { isAltered, type OpenedKey, openKey } from '../domain/keys/signing-key.ts'
import type { SigningKey } from '../domain/model/signing-key.ts'
import { oneAtATime } from '../domain/one-at-a-time.ts'
import { repeat } from '../domain/repeat.ts'
import type { Algorithm, KeySource, VerificationKey } from '../verifier/sources.ts'

const POLL_INTERVAL = 250
const UPKEEP_INTERVAL = 1000

export interface SigningKeys
  extends KeySource,
    Pick<SigningKeyLifecycle, 'rotate' | 'import' | 'revoke' | 'keepUp'> {
  /** Which keys sign, will sign and did sign, at this moment. */
  schedule(): KeySchedule
  /** All that the JWKS has at this moment, and how many milliseconds others may keep it. */
  published(): VerificationKey[]
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
    const { config, store, derivedKeys, clock, revocations } = fastify
    const wrapKeys = derivedKeys.signingKeyWrap
    const rules: KeyRules = {
      algorithm: config.AUTH_JWT_ALG as Algorithm,
      rotation: config.AUTH_KEY_ROTATION
    }
    const lifecycle = createSigningKeyLifecycle({ store, clock, rules, wrapKeys })
    const listeners: Array<(keys: OpenedKey[]) => Promise<void>> = []
    let keys: SigningKey[] = []
    let signing: OpenedKey[] = []
    let byKid = new Map<string, VerificationKey>()
    let triedAt = Number.NEGATIVE_INFINITY
    let failure: unknown

    const poll = oneAtATime(async () => {
      triedAt = uptime()
      try {
        const read = await lifecycle.list()
        if (!isDeepStrictEqual(keys, read)) await change(read)
        failure = undefined
      } catch (error) {
        failure = error
        throw error
      }
    })

    async function change(read: SigningKey[]): Promise<void> {
      const schedule = scheduleAt(read, clock())
      if (!schedule) throw new Error('There is no signing key')
      const signs = ({ kid }: { kid: string }) => kid === schedule.active.kid || kid === schedule.next?.kid
      // A start under another master key is refused.
      const isStart = keys.length === 0
      const opened = read.flatMap((key) => open(key, isStart && signs(key)))
      const ready = opened.filter(signs)
      for (const prepare of listeners) await prepare(ready)
      // If a key was revoked, that is known before the key is missing: its tokens are stale, not unknown.
      const left = new Set(read.map(({ kid }) => kid))
      if (keys.some(({ kid }) => !left.has(kid))) await revocations.poll()
      byKid = new Map(read.flatMap(({ kid }) => believed(kid, opened)))
      signing = ready
      keys = read
    }

    function open(key: SigningKey, isNeeded: boolean): OpenedKey[] {
      try {
        const opened = openKey(key, wrapKeys)
        if (isAltered(key, opened))
          fastify.log.error({ kid: key.kid }, 'a signing key was altered in the database: its seal counts')
        return [opened]
      } catch (error) {
        if (isNeeded) throw error
        fastify.log.error({ err: error, kid: key.kid }, 'a signing key cannot be opened: it is not believed')
        return []
      }
    }

    // Anyone who can write to the database can add a row that does not open. If the key was known before, another instance
    // has sealed it anew. A known key stays the same object, so that verifiers keep what they made ready for it.
    function believed(kid: string, opened: OpenedKey[]): Array<[string, VerificationKey]> {
      const known = byKid.get(kid)
      if (known) return [[kid, known]]
      return opened
        .filter((key) => key.kid === kid)
        .map(({ algorithm, publicPem }) => [kid, { kid, algorithm, publicPem }])
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
      published: () =>
        keys.flatMap((key) => (publishedUntil(key, keys) > clock() ? (byKid.get(key.kid) ?? []) : [])),
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

      async revoke(kid, caller) {
        await lifecycle.revoke(kid, caller)
        await poll()
      },

      async onChange(prepare) {
        await prepare(signing)
        listeners.push(prepare)
      }
    })
  },
  { name: 'signing-keys', dependencies: ['config', 'derived-keys', 'store', 'revocations'] }
)
