import fc from 'fast-check'
import t from 'tap'
import { DAY, HOUR, MINUTE, SECOND } from '../../../domain/clock.ts'
import {
  isEmpty,
  jwksMaxAge,
  type KeyPlan,
  type KeyRules,
  planAdoption,
  planFirstKeys,
  planRotation,
  planUpkeep,
  publishedUntil,
  scheduleAt,
  withStatus
} from '../../../domain/keys/schedule.ts'
import type { SigningKey } from '../../../domain/model/signing-key.ts'
import { lastTokenExpiry } from '../../../domain/tokens/access-token.ts'
import type { Algorithm } from '../../../verifier/sources.ts'

const START = 1_800_000_000_000
const RULES: KeyRules = { algorithm: 'ES256', rotation: 30 * DAY }
/** How long others may keep a copy of the JWKS, twice: once for them, once for our own instances to have noticed. */
const LEAD = 2 * MINUTE
const UNTIL_DEAD = HOUR + 65 * SECOND

type Planner = (keys: SigningKey[], rules: KeyRules, now: number) => KeyPlan

function key(kid: string, activatesAt: number, more: Partial<SigningKey> = {}): SigningKey {
  const material = { algorithm: 'ES256' as const, publicPem: '', sealedPrivateKey: '', imported: false }
  return { kid, ...material, createdAt: START, activatesAt, ...more }
}

const kidsOf = (keys: SigningKey[]) => keys.map(({ kid }) => kid)
const empty: KeyPlan = { create: [], activate: [], remove: [] }

t.test('a copy of the JWKS is good for a minute, or less where keys change within minutes', async (t) => {
  for (const [rotation, maxAge] of [
    [10 * SECOND, 2_500],
    [4 * MINUTE - 4, MINUTE - 1],
    [4 * MINUTE, MINUTE],
    [30 * DAY, MINUTE]
  ] as const)
    t.equal(jwksMaxAge({ rotation }), maxAge)
})

t.test('the schedule at a moment', async (t) => {
  const keys = [key('b', START + 1000), key('c', START + 2000), key('a', START)]
  const at = (now: number) => {
    const schedule = scheduleAt(keys, now)
    return (
      schedule &&
      [kidsOf(schedule.retired).join(''), schedule.active.kid, schedule.next?.kid ?? 'none'].join()
    )
  }

  t.test('changes over at the very millisecond', async (t) => {
    t.equal(at(START), ',a,b')
    t.equal(at(START + 999), ',a,b')
    t.equal(at(START + 1000), 'a,b,c')
    t.equal(at(START + 1999), 'a,b,c')
    t.equal(at(START + 2000), 'ab,c,none')
  })

  t.test('a clock behind that of whoever made the first key has it sign nevertheless', async (t) => {
    t.equal(at(START - 5000), ',a,b')
  })

  t.test('there is none without keys', async (t) => {
    t.equal(scheduleAt([], START), undefined)
  })

  t.test('lists the next key first and the one that signed longest ago last', async (t) => {
    const schedule = scheduleAt([...keys, key('d', START + 3000)], START + 2000)
    t.ok(schedule)
    t.strictSame(schedule && withStatus(schedule).map(({ kid, status }) => `${kid} ${status}`), [
      'd next',
      'c active',
      'b retired',
      'a retired'
    ])
  })
})

t.test('a key is published until the last token that it signed is dead', async (t) => {
  const [a, b, c] = [key('a', START), key('b', START + HOUR), key('c', START + 2 * HOUR)]
  t.equal(publishedUntil(a, [a, b, c]), START + HOUR + UNTIL_DEAD)
  t.equal(publishedUntil(b, [c, b, a]), START + 2 * HOUR + UNTIL_DEAD)
  t.equal(publishedUntil(c, [a, b, c]), Number.POSITIVE_INFINITY)
})

t.test(
  'the first start makes a key that signs at once and its successor, and a second one nothing',
  async (t) => {
    t.strictSame(planFirstKeys([], RULES, START), { ...empty, create: [START, START + 30 * DAY] })
    t.strictSame(planFirstKeys([key('a', START)], RULES, START), empty)
    for (const planner of [planUpkeep, planRotation, planAdoption])
      t.strictSame(planner([], RULES, START), planFirstKeys([], RULES, START))
  }
)

t.test('upkeep', async (t) => {
  const [a, b, c] = [key('a', START), key('b', START + HOUR), key('c', START + 31 * DAY)]

  t.test('does nothing while there is a successor and every key may be needed', async (t) => {
    t.strictSame(planUpkeep([a, b], RULES, START), empty)
    t.strictSame(planUpkeep([a, b, c], RULES, START + HOUR + UNTIL_DEAD - 1), empty)
  })

  t.test('removes a key at the moment when nothing valid is signed by it', async (t) => {
    t.strictSame(planUpkeep([a, b, c], RULES, START + HOUR + UNTIL_DEAD), { ...empty, remove: ['a'] })
  })

  t.test('makes a successor that signs when the active key has signed its time', async (t) => {
    t.strictSame(planUpkeep([a], RULES, START + DAY), { ...empty, create: [START + 30 * DAY] })
  })

  t.test('gives others their time to know the successor, however late it is made', async (t) => {
    const latest = START + 30 * DAY - LEAD
    t.strictSame(planUpkeep([a], RULES, latest).create, [latest + LEAD])
    t.strictSame(planUpkeep([a], RULES, latest + 1).create, [latest + 1 + LEAD])
    t.strictSame(planUpkeep([a], RULES, START + 90 * DAY).create, [START + 90 * DAY + LEAD])
  })
})

t.test('a rotation', async (t) => {
  const [a, b] = [key('a', START), key('b', START + 30 * DAY)]

  t.test('is immediate where the next key was there from the first start', async (t) => {
    t.strictSame(planRotation([a, b], RULES, START + 1), {
      ...empty,
      activate: [{ kid: 'b', at: START + 1 }],
      create: [START + 1 + 30 * DAY]
    })
  })

  t.test('waits until everybody can know the next key, and not a millisecond longer', async (t) => {
    const young = key('c', START + 60 * DAY, { createdAt: START + HOUR })
    const keys = [a, key('b', START + HOUR), young]
    const ripe = START + HOUR + LEAD
    t.strictSame(planRotation(keys, RULES, ripe - 1), { ...empty, activate: [{ kid: 'c', at: ripe }] })
    t.strictSame(planRotation(keys, RULES, ripe), {
      ...empty,
      activate: [{ kid: 'c', at: ripe }],
      create: [ripe + 30 * DAY]
    })
  })

  t.test('does not take a key for one of the first start because older ones are gone', async (t) => {
    const imported = key('i', START + DAY + 1, { imported: true, createdAt: START + DAY + 1 })
    const next = key('c', START + 31 * DAY, { createdAt: START + DAY })
    const { activate } = planRotation([imported, next], RULES, START + DAY + 70 * SECOND)
    const expected = [{ kid: 'c', at: START + DAY + LEAD }]
    t.strictSame(activate, expected)
  })

  t.test('never puts off a change-over that is nearer', async (t) => {
    const soon = key('c', START + HOUR + 1000, { createdAt: START + HOUR })
    const { activate } = planRotation([a, key('b', START + 1000), soon], RULES, START + HOUR + 1)
    t.strictSame(activate, [{ kid: 'c', at: START + HOUR + 1000 }])
  })

  t.test('makes the next key where there is none', async (t) => {
    t.strictSame(planRotation([a], RULES, START + DAY), { ...empty, create: [START + DAY + LEAD] })
  })

  t.test('in the millisecond in which the active key began gives the successor the next one', async (t) => {
    t.strictSame(planRotation([a, b], RULES, START).activate, [{ kid: 'b', at: START + 1 }])
  })
})

t.test('a start', async (t) => {
  const [a, b] = [key('a', START), key('b', START + 30 * DAY)]
  const now = START + 10 * DAY

  t.test('with the settings as they were changes nothing', async (t) => {
    t.strictSame(planAdoption([a, b], RULES, now), empty)
  })

  t.test('with a longer rotation changes nothing of what was announced', async (t) => {
    t.strictSame(planAdoption([a, b], { ...RULES, rotation: 60 * DAY }, now), empty)
  })

  t.test('with a shorter rotation brings the change-over forward', async (t) => {
    t.strictSame(planAdoption([a, b], { ...RULES, rotation: 20 * DAY }, now), {
      ...empty,
      activate: [{ kid: 'b', at: START + 20 * DAY }]
    })
  })

  t.test('with a rotation that is overdue has the next key sign now, never in the past', async (t) => {
    const { activate } = planAdoption([a, b], { ...RULES, rotation: 5 * DAY }, now)
    t.strictSame(activate, [{ kid: 'b', at: now }])
  })

  t.test(
    'with another algorithm and no next key makes one that signs once everybody can know it',
    async (t) => {
      const { create } = planAdoption([b], { ...RULES, algorithm: 'EdDSA' }, START + 30 * DAY)
      t.strictSame(create, [START + 30 * DAY + LEAD])
    }
  )

  t.test(
    'with another algorithm replaces the next key, which signs once everybody can know it',
    async (t) => {
      t.strictSame(planAdoption([a, b], { ...RULES, algorithm: 'EdDSA' }, now), {
        ...empty,
        remove: ['b'],
        create: [now + LEAD]
      })
    }
  )

  t.test('with another algorithm leaves an imported key its time', async (t) => {
    const imported = key('i', START + DAY, { imported: true, createdAt: START + DAY, algorithm: 'RS256' })
    t.strictSame(planAdoption([a, imported, b], { ...RULES, algorithm: 'EdDSA' }, now), {
      ...empty,
      remove: ['b'],
      create: [START + 31 * DAY]
    })
    t.strictSame(planAdoption([a, imported, b], RULES, now), empty)
  })
})

const rulesOf = fc.record({
  algorithm: fc.constant<Algorithm>('ES256'),
  rotation: fc.oneof(
    fc.integer({ min: 10 * SECOND, max: 4 * MINUTE }),
    fc.integer({ min: 4 * MINUTE, max: 400 * DAY })
  )
})

const planners = { upkeep: planUpkeep, rotation: planRotation, adoption: planAdoption }

/** What one of several instances does, after a while. Its view of the keys may be older than the transaction's. */
const stepOf = fc.record({
  wait: fc.oneof(
    fc.integer({ min: 1, max: 10 }),
    fc.integer({ min: MINUTE, max: 3 * MINUTE }),
    fc.integer({ min: 1, max: 100 * DAY })
  ),
  act: fc.constantFrom('upkeep', 'upkeep', 'rotation', 'adoption', 'import', 'reimport', 'nothing'),
  algorithm: fc.constantFrom<Algorithm>('ES256', 'ES256', 'EdDSA', 'RS256'),
  isBehind: fc.boolean()
})
type Step = typeof stepOf extends fc.Arbitrary<infer S> ? S : never

/** A database of keys, and what was ever signed by each. */
class World {
  readonly #rules: KeyRules
  now = START
  keys: SigningKey[] = []
  #before: SigningKey[] = []
  #made = 0
  readonly #signedUntil = new Map<string, number>()
  readonly #first: Set<string>
  #hasReimported = false

  constructor(rules: KeyRules) {
    this.#rules = rules
    this.#carryOut(planFirstKeys([], rules, START), 2, 'ES256')
    this.#first = new Set(kidsOf(this.keys))
  }

  take({ wait, act, algorithm, isBehind }: Step): void {
    this.#pass(wait)
    const seen = isBehind ? this.#before : this.keys
    this.#before = this.keys
    if (act === 'import') this.#import(key(`imported-${++this.#made}`, 0, { createdAt: this.now, algorithm }))
    else if (act === 'reimport') this.#reimport()
    else if (act !== 'nothing') this.#plan(planners[act as keyof typeof planners], algorithm, seen)
    if (act === 'upkeep' && !isBehind) this.#checkUpkeep()
    this.#checkPublished()
  }

  #plan(planner: Planner, algorithm: Algorithm, seen: SigningKey[]): void {
    const rules = { ...this.#rules, algorithm }
    const foreseen = planner(seen, rules, this.now)
    if (isEmpty(foreseen)) return
    this.#carryOut(planner(this.keys, rules, this.now), foreseen.create.length, algorithm)
  }

  #carryOut(plan: KeyPlan, fresh: number, algorithm: Algorithm): void {
    const kept = this.keys.filter(({ kid }) => !plan.remove.includes(kid))
    const moved = kept.map((each) => {
      const activation = plan.activate.find(({ kid }) => kid === each.kid)
      return activation ? { ...each, activatesAt: activation.at } : each
    })
    const made = plan.create
      .slice(0, fresh)
      .map((at) => key(`made-${++this.#made}`, at, { createdAt: this.now, algorithm }))
    this.keys = [...moved, ...made]
    for (const { at } of plan.activate)
      if (at < this.now) throw new Error(`has a key sign from the past on, by ${this.now - at} ms`)
  }

  #import(imported: SigningKey): void {
    const activatesAt = Math.max(this.now, this.#active().activatesAt + 1)
    const others = this.keys.filter(({ kid }) => kid !== imported.kid)
    this.keys = [...others, { ...imported, imported: true, activatesAt }]
  }

  #reimport(): void {
    const known = this.keys.find(({ imported, kid }) => imported && kid !== this.#active().kid)
    if (!known) return
    this.#hasReimported = true
    this.#import(known)
  }

  #active(): SigningKey {
    const schedule = scheduleAt(this.keys, this.now)
    if (!schedule) throw new Error('there is no active key')
    return schedule.active
  }

  /** Time goes by, and whatever key is active signs in each millisecond of it. */
  #pass(wait: number): void {
    const until = this.now + wait
    this.#sign(this.#active(), this.now)
    for (const due of this.keys.toSorted((a, b) => a.activatesAt - b.activatesAt)) {
      if (due.activatesAt <= this.now || due.activatesAt > until) continue
      this.#sign(this.#active(), due.activatesAt - 1)
      this.now = due.activatesAt
      this.#sign(this.#active(), this.now)
    }
    this.now = until
    this.#sign(this.#active(), until)
    this.#checkPublished()
  }

  #sign(active: SigningKey, at: number): void {
    const known = active.createdAt + 2 * jwksMaxAge(this.#rules) <= at
    if (!known && !active.imported && !this.#first.has(active.kid))
      throw new Error(`${active.kid} signs ${at - active.createdAt} ms after it was published`)
    this.#signedUntil.set(active.kid, Math.max(at, this.#signedUntil.get(active.kid) ?? 0))
  }

  #checkPublished(): void {
    for (const [kid, at] of this.#signedUntil) {
      if (lastTokenExpiry(at) <= this.now) continue
      const found = this.keys.find((each) => each.kid === kid)
      if (!found || publishedUntil(found, this.keys) <= this.now)
        throw new Error(`${kid} is gone while a token of it lives`)
    }
  }

  #checkUpkeep(): void {
    const schedule = scheduleAt(this.keys, this.now)
    if (!schedule?.next) throw new Error('there is no next key after upkeep')
    const upcoming = this.keys.filter(({ activatesAt }) => activatesAt > this.now)
    if (upcoming.length > 1) throw new Error(`${upcoming.length} keys wait for their turn`)
    for (const { kid } of this.#hasReimported ? [] : schedule.retired)
      if (lastTokenExpiry((this.#signedUntil.get(kid) ?? 0) + 1) <= this.now)
        throw new Error(`${kid} is kept for nothing`)
    if (!isEmpty(planUpkeep(this.keys, this.#rules, this.now))) throw new Error('upkeep is never done')
  }
}

t.test('whatever several instances do in whatever order and time', async (t) => {
  t.test('no key signs unknown, none goes too early, a next one waits, and none pile up', async () => {
    fc.assert(
      fc.property(rulesOf, fc.array(stepOf, { minLength: 1, maxLength: 40, size: 'max' }), (rules, steps) => {
        const world = new World(rules)
        for (const step of steps) world.take(step)
      }),
      { numRuns: 3000 }
    )
  })

  t.test('a start at the same settings as the one before changes nothing', async () => {
    const rules = { ...RULES, algorithm: 'EdDSA' as const }
    fc.assert(
      fc.property(fc.array(stepOf, { maxLength: 20 }), (steps) => {
        const world = new World(RULES)
        for (const step of steps) world.take(step)
        world.take({ wait: 1, act: 'nothing', algorithm: 'EdDSA', isBehind: false })
        for (const act of ['upkeep', 'adoption', 'upkeep'] as const)
          world.take({ wait: 0, act, algorithm: 'EdDSA', isBehind: false })
        const plan = planAdoption(world.keys, rules, world.now)
        if (!isEmpty(plan)) throw new Error(JSON.stringify(plan))
      }),
      { numRuns: 1000 }
    )
  })
})
