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

/** Milliseconds after which every instance has read a change of the keys. */
const TIME_TO_READ = 500

const NOBODY: Caller = { actorId: null, ip: null, userAgent: null, requestId: null }

export type SigningKeyLifecycle = ReturnType<typeof createSigningKeyLifecycle>

/** Changes signing keys. If several instances try the same change, exactly one makes it. */
export function createSigningKeyLifecycle({ store, clock, rules, wrapKeys }: KeyParts) {
  /** Executes a plan unless it is empty. Generates keys before the transaction, because RSA keys take long. */
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

    /** Creates the first keys of a new database, without an audit event. */
    begin: () => execute(planFirstKeys, NOBODY),

    /** Adapts the schedule to the settings at start, and reseals every key under the current master key. */
    async applyRules(): Promise<void> {
      await execute(planAdoption, NOBODY, 'key.published')
      for (const key of await store.signingKeys.list()) {
        const sealed = resealed(key, wrapKeys)
        if (sealed) await store.signingKeys.reseal(key.kid, key.sealedPrivateKey, sealed)
      }
    },

    /** Returns whether `maintain` has work to do, judged by these keys. */
    isDue: (keys: SigningKey[]) => !isEmpty(planUpkeep(keys, rules, clock())),

    /** Ensures that there is a successor, and removes keys without unexpired tokens. */
    maintain: () => execute(planUpkeep, NOBODY, 'key.published'),

    /** Lets the next key sign as soon as every copy of the JWKS has it: usually now. */
    rotate: (caller: Caller) => execute(planRotation, caller, 'key.rotated'),

    /**
     * Imports a private key, PEM or JWK. It signs as soon as all instances have read it. Throws a Problem `invalid_request` if
     * the key is unusable or revoked.
     */
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
        // Postpones later keys, so that the imported key signs for a full rotation.
        for (const next of keys.filter(({ kid, activatesAt }) => activatesAt > now && kid !== key.kid)) {
          await tx.signingKeys.activate(next.kid, Math.max(next.activatesAt, at + rules.rotation))
        }
        await tx.audit.append(auditEvent('key.imported', caller, now, { detail: { kid: key.kid } }))
        return key
      })
    },

    /**
     * Refuses all tokens of this key, here and in services that follow the revocations. Deletes the key.
     * If it was the active key, its successor signs at once. Throws a Problem `not_found`.
     */
    async revoke(kid: string, caller: Caller): Promise<void> {
      // Generated before the transaction, because RSA keys take long.
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
    // If the plan has grown since, the next `maintain` creates the rest.
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
