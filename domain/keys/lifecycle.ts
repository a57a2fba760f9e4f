import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { type AuditType, auditEvent, type Caller } from '../model/audit.ts'
import type { SigningKey } from '../model/signing-key.ts'
import type { Store, Transaction } from '../model/store.ts'
import { revokeKey } from '../revocations/revoke.ts'
import type { DerivedKey } from './master-key.ts'
import {
  isEmpty,
  type KeyPlan,
  type KeyRules,
  planAdoption,
  planFirstKeys,
  planRevocation,
  planRotation,
  planUpkeep,
  scheduleAt
} from './schedule.ts'
import { generateSigningKey, readSigningKey, resealed, type SealedKey } from './signing-key.ts'

interface KeyParts {
  store: Store
  clock: Clock
  rules: KeyRules
  wrapKeys: DerivedKey
}

type Planner = (keys: SigningKey[], rules: KeyRules, now: number) => KeyPlan

/** Milliseconds in which every instance has read a change of the keys. */
const TIME_TO_READ = 500

const NOBODY: Caller = { actorId: null, ip: null, userAgent: null, requestId: null }

export type SigningKeyLifecycle = ReturnType<typeof createSigningKeyLifecycle>

/** What happens to signing keys, each time done by exactly one of the instances that mean to. */
export function createSigningKeyLifecycle({ store, clock, rules, wrapKeys }: KeyParts) {
  /** Carries out a plan if there is anything to do. Keys are made before the transaction: that of RSA takes its time. */
  async function execute(planner: Planner, caller: Caller, type?: AuditType): Promise<void> {
    const foreseen = planner(await store.signingKeys.list(), rules, clock())
    if (isEmpty(foreseen)) return
    const fresh = await Promise.all(
      foreseen.create.map(() => generateSigningKey(rules.algorithm, wrapKeys.current))
    )
    await store.transaction(async (tx) => {
      await tx.exclusive('signing-keys')
      const now = clock()
      const plan = planner(await tx.signingKeys.list(), rules, now)
      await carryOut(tx, plan, fresh, now)
      if (isEmpty(plan) || !type) return
      await tx.audit.append(auditEvent(type, caller, now, { detail: detailOf(plan, fresh) }))
    })
  }

  return {
    list: () => store.signingKeys.list(),

    /** The first keys of a new database: they come with it, and are no event. */
    begin: () => execute(planFirstKeys, NOBODY),

    /** When a service starts: the schedule by its settings, and every key sealed under its master key. */
    async applyRules(): Promise<void> {
      await execute(planAdoption, NOBODY, 'key.published')
      for (const key of await store.signingKeys.list()) {
        const sealed = resealed(key, wrapKeys)
        if (sealed) await store.signingKeys.reseal(key.kid, key.sealedPrivateKey, sealed)
      }
    },

    /** Whether `maintain` has anything to do, as far as these keys tell. */
    isDue: (keys: SigningKey[]) => !isEmpty(planUpkeep(keys, rules, clock())),

    /** There is a successor, and what nothing is signed by any more is removed. */
    maintain: () => execute(planUpkeep, NOBODY, 'key.published'),

    /** The next key signs as soon as everybody knows it: mostly now. */
    rotate: (caller: Caller) => execute(planRotation, caller, 'key.rotated'),

    /** A key from outside, PEM or JWK, signs as soon as all instances have read it. Throws a Problem `invalid_request` for what is no such key. */
    async import(text: string, caller: Caller): Promise<SigningKey> {
      const sealed = await readSigningKey(text, wrapKeys.current)
      return store.transaction(async (tx) => {
        await tx.exclusive('signing-keys')
        const keys = await tx.signingKeys.list()
        const now = clock()
        const active = scheduleAt(keys, now)?.active
        const known = keys.find(({ kid }) => kid === sealed.kid)
        if (await tx.signingKeys.isRevoked(sealed.kid))
          throw new Problem('invalid_request', { detail: 'This signing key was revoked: make another.' })
        const at = Math.max(now + TIME_TO_READ, (active?.activatesAt ?? 0) + 1)
        if (known && (known.kid === active?.kid || (known.activatesAt > now && known.activatesAt <= at)))
          return known
        const key = { createdAt: now, ...known, ...sealed, imported: true, activatesAt: at }
        if (known) await tx.signingKeys.activate(key.kid, at)
        else await tx.signingKeys.insert(key)
        // It signs for as long as any other does.
        for (const next of keys.filter(({ kid, activatesAt }) => activatesAt > now && kid !== key.kid)) {
          await tx.signingKeys.activate(next.kid, Math.max(next.activatesAt, at + rules.rotation))
        }
        await tx.audit.append(auditEvent('key.imported', caller, now, { detail: { kid: key.kid } }))
        return key
      })
    },

    /**
     * Refuses all that this key signed, here and in services that follow the revocations. Deletes its private half.
     * If it signs, its successor does at once. Throws a Problem `not_found`.
     */
    async revoke(kid: string, caller: Caller): Promise<void> {
      // Made beforehand: that of RSA takes its time.
      const spare = [await generateSigningKey(rules.algorithm, wrapKeys.current)]
      await store.transaction(async (tx) => {
        await tx.exclusive('signing-keys')
        const now = clock()
        const keys = await tx.signingKeys.list()
        if (!keys.some((key) => key.kid === kid))
          throw new Problem('not_found', { detail: 'There is no signing key with this id.' })
        const plan = planRevocation(keys, kid, now)
        await carryOut(tx, plan, spare, now)
        await revokeKey(tx, kid)
        await tx.audit.append(auditEvent('key.revoked', caller, now, { detail: detailOf(plan, spare) }))
      })
    }
  }
}

async function carryOut(tx: Transaction, plan: KeyPlan, fresh: SealedKey[], now: number): Promise<void> {
  for (const kid of plan.remove) await tx.signingKeys.delete(kid)
  for (const { kid, at } of plan.activate) await tx.signingKeys.activate(kid, at)
  for (const [index, activatesAt] of plan.create.entries()) {
    const key = fresh[index]
    // More than was foreseen is for the next upkeep.
    if (key) await tx.signingKeys.insert({ ...key, imported: false, createdAt: now, activatesAt })
  }
}

function detailOf({ create, activate, remove }: KeyPlan, fresh: SealedKey[]) {
  return {
    published: fresh.slice(0, create.length).map(({ kid }) => kid),
    activated: activate.map(({ kid }) => kid),
    removed: remove
  }
}
