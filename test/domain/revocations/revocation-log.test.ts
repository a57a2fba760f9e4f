import fc from 'fast-check'
import t from 'tap'
import type { RevocationReading } from '../../../domain/model/revocation.ts'
import {
  type FeedPlace,
  formatCursor,
  parseCursor,
  RevocationLog
} from '../../../domain/revocations/revocation-log.ts'
import type { Revocation } from '../../../verifier/revocation-set.ts'

const EXPIRES_AT = 1000
const ended = (id: string, expiresAt = EXPIRES_AT) => ({ kind: 'sid', id, expiresAt }) as const
const claims = (sid: string) => ({ jti: 'token', sub: 'ada', sid, ver: 1 })
const reading = (next: number, ...entries: Array<[number, Revocation]>): RevocationReading => ({
  entries: entries.map(([position, revocation]) => ({ position, revocation })),
  next
})
const ids = (revocations: readonly Revocation[]) => revocations.map(({ id }) => id)

t.test(
  'one who comes without a place is told everything, in the order in which it came to be known',
  async (t) => {
    const log = new RevocationLog()
    log.take(reading(3, [2, ended('b')], [1, ended('a')]))
    log.take(reading(3, [2, ended('b')], [0, ended('late')]))
    t.strictSame(log.after().entries, [ended('b'), ended('a'), ended('late')])
  }
)

t.test(
  'one who comes back to the same instance is told what it came to know since, whatever its position',
  async (t) => {
    const log = new RevocationLog()
    log.take(reading(5, [7, ended('early')]))
    const place = log.place
    t.strictSame(log.after(place).entries, [])
    log.take(reading(8, [7, ended('early')], [5, ended('late')]))
    t.strictSame(ids(log.after(place).entries), ['late'])
    t.strictSame(log.after(log.place).entries, [])
  }
)

t.test('a reading that repeats another is no news, one with anything new in it is', async (t) => {
  const log = new RevocationLog()
  const first = reading(5, [6, ended('a')])
  t.equal(log.take(first), true)
  t.equal(log.take(first), false)
  t.equal(log.take(reading(9)), false)
  t.equal(log.next, 9)
  t.equal(log.take(reading(9, [6, ended('a')], [8, ended('b')])), true)
  t.strictSame(ids(log.after().entries), ['a', 'b'])
})

const version = (minVersion: number, expiresAt = EXPIRES_AT) =>
  ({ kind: 'user', id: 'ada', minVersion, expiresAt }) as const

t.test('of each subject the highest version is kept, and told to those who know a lower one', async (t) => {
  const log = new RevocationLog()
  log.take(reading(2, [1, ended('ada')], [1, version(2)]))
  const place = log.place
  t.equal(log.take(reading(3, [2, version(3)])), true)
  t.strictSame(log.after().entries, [ended('ada'), version(3)])
  t.strictSame(log.after(place).entries, [version(3)])
  t.equal(log.take(reading(4, [3, version(2)])), false, 'a lower one that comes late is no news')
  t.equal(log.take(reading(5, [4, ended('ada')])), false, 'nor is what ended once more')
  t.equal(log.take(reading(6, [5, version(3, EXPIRES_AT + 1)])), true, 'the same for longer is')
  t.strictSame(log.after(log.place).entries, [])
})

t.test('one who comes from another instance is told of a subject by its latest position', async (t) => {
  const [here, there] = [new RevocationLog(), new RevocationLog()]
  here.take(reading(8, [3, version(5)], [7, version(4)]))
  there.take(reading(5, [3, version(4)]))
  t.strictSame(here.after(there.place).entries, [version(5)])
})

t.test('six thousand changes of eight people are eight entries', async (t) => {
  const log = new RevocationLog()
  for (let n = 1; n <= 6000; n += 1) {
    const entry = { kind: 'user', id: String(n % 8), minVersion: n, expiresAt: EXPIRES_AT } as const
    log.take(reading(n + 1, [n, entry]))
  }
  t.strictSame(
    log.after().entries.map((entry) => 'minVersion' in entry && entry.minVersion),
    [5993, 5994, 5995, 5996, 5997, 5998, 5999, 6000]
  )
  t.equal(log.place.sequence, 6000)
})

t.test('those who ask at one place while nothing changes are given one page', async (t) => {
  const log = new RevocationLog()
  const { place } = log
  log.take(reading(2, [1, ended('a')]))
  const page = log.after(place)
  t.equal(log.after({ ...place, position: 1 }), page, 'wherever they are in the database')
  t.not(log.after(), page)
  log.take(reading(3, [2, ended('b')]))
  t.strictSame(ids(log.after(place).entries), ['a', 'b'])
})

t.test('what is revoked in this process counts before it was read, and is told once it was', async (t) => {
  const log = new RevocationLog()
  const place = log.place
  log.add(ended('here'))
  t.equal(log.statusOf(claims('here')), 'revoked')
  t.strictSame(log.after(place).entries, [])
  t.equal(log.take(reading(2, [1, ended('here')])), true, 'news for those who follow')
  t.strictSame(ids(log.after(place).entries), ['here'])
})

t.test(
  'one who comes from another instance is told all from the position on that was not decided there',
  async (t) => {
    const [here, there] = [new RevocationLog(), new RevocationLog()]
    there.take(reading(5, [3, ended('known')], [6, ended('above a gap')]))
    here.take(reading(8, [3, ended('known')], [5, ended('in the gap')], [6, ended('above a gap')]))
    t.strictSame(ids(here.after(there.place).entries), ['in the gap', 'above a gap'])
    t.strictSame(here.after(here.place).entries, [])
  }
)

t.test('an entry is forgotten when its time is over and not before', async (t) => {
  const log = new RevocationLog()
  log.take(reading(3, [1, ended('short', 10)], [2, ended('long', 20)]))
  log.prune(9)
  t.strictSame(ids(log.after().entries), ['short', 'long'])
  log.prune(10)
  t.strictSame(ids(log.after().entries), ['long'])
  t.equal(log.statusOf(claims('short')), 'valid')
  t.equal(log.statusOf(claims('long')), 'revoked')
  const place = log.place
  log.prune(20)
  t.strictSame(log.after().entries, [])
  log.take(reading(4, [3, ended('new', 30)]))
  t.strictSame(ids(log.after(place).entries), ['new'], 'places hold on over it')
})

t.test('a place survives as a cursor, and nothing else is one', async (t) => {
  const { place } = new RevocationLog()
  t.strictSame(parseCursor(formatCursor(place)), place)
  const far = { ...place, sequence: 999_999_999_999_999, position: 999_999_999_999_999 }
  t.strictSame(parseCursor(formatCursor(far)), far)
  const { instance } = place
  const rubbish = ['', '..', `${instance}.1`, `${instance}.1.2.3`, `${instance}.-1.2`, `${instance}.1.1e3`]
  for (const text of [...rubbish, `${instance}.1.1000000000000000`, `${instance.toUpperCase()}x.1.2`]) {
    t.equal(parseCursor(text), undefined, text)
  }
})

/** What happens to a log that several instances read, and to somebody who follows it at one or the other of them. */
const INSTANCES = 3
const SUBJECTS = 3
const instance = fc.nat({ max: INSTANCES - 1 })
const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), subject: fc.nat({ max: SUBJECTS - 1 }) }),
  fc.record({ do: fc.constant('commit' as const), which: fc.nat({ max: 9 }) }),
  fc.record({ do: fc.constant('read' as const), instance }),
  fc.record({ do: fc.constant('ask' as const), instance }),
  fc.record({ do: fc.constant('restart' as const), instance })
)

interface Change {
  position: number
  subject: string
}

/**
 * A database as its readers see it: a transaction takes its position when it begins, and its version and its being seen when
 * it commits. What a later version of a subject replaces is removed.
 */
class Database {
  readonly #open: Change[] = []
  readonly #committed = new Map<string, Change & { minVersion: number }>()
  #last = 0

  begin(subject: number): void {
    this.#last += 1
    this.#open.push({ position: this.#last, subject: String(subject) })
  }

  commit(which: number): void {
    const [change] = this.#open.splice(which % Math.max(1, this.#open.length), 1)
    if (!change) return
    const minVersion = (this.#committed.get(change.subject)?.minVersion ?? 0) + 1
    this.#committed.set(change.subject, { ...change, minVersion })
  }

  /** As PostgreSQL tells it: everything before `next` is decided. */
  since(from: number): RevocationReading {
    const next = Math.min(this.#last + 1, ...this.#open.map(({ position }) => position))
    const found = [...this.#committed.values()].filter(({ position }) => position >= from)
    return reading(
      next,
      ...found.map(({ position, subject, minVersion }): [number, Revocation] => [
        position,
        { kind: 'user', id: subject, minVersion, expiresAt: EXPIRES_AT }
      ])
    )
  }

  get versions(): Array<[string, number]> {
    return [...this.#committed.values()].map(({ subject, minVersion }) => [subject, minVersion])
  }
}

t.test(
  'one who hops between instances ends up with the highest version of every subject, whoever has read how much',
  async () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), instance, (steps, last) => {
        const { database, logs, known, read, ask } = follow()
        for (const each of steps) {
          if (each.do === 'begin') database.begin(each.subject)
          else if (each.do === 'commit') database.commit(each.which)
          else if (each.do === 'read') read(each.instance)
          else if (each.do === 'ask') ask(each.instance)
          else logs[each.instance] = new RevocationLog()
        }
        read(last)
        ask(last)
        return String([...known].sort()) === String(database.versions.sort())
      }),
      { numRuns: 5000 }
    )
  }
)

t.test('one who stays at an instance is told each version once', async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { database, told, read, ask } = follow()
      for (const each of steps) {
        if (each.do === 'begin') database.begin(each.subject)
        else if (each.do === 'commit') database.commit(each.which)
        else if (each.do === 'read') read(each.instance)
        else if (each.do === 'ask') ask(0)
      }
      return told.length === new Set(told).size
    })
  )
})

function follow() {
  const database = new Database()
  const logs = Array.from({ length: INSTANCES }, () => new RevocationLog())
  const known = new Map<string, number>()
  const told: string[] = []
  let place: FeedPlace | undefined
  const logOf = (instance: number) => logs[instance] as RevocationLog
  const read = (instance: number) => {
    logOf(instance).take(database.since(logOf(instance).next))
  }
  return {
    database,
    logs,
    known,
    told,
    read,

    /** As the feed does: an instance that is behind the follower reads first. */
    ask(instance: number) {
      const log = logOf(instance)
      if (log.next === 0 || (place && place.position > log.next)) read(instance)
      const page = log.after(place)
      for (const entry of page.entries) {
        const minVersion = 'minVersion' in entry ? entry.minVersion : 0
        known.set(entry.id, Math.max(known.get(entry.id) ?? 0, minVersion))
        told.push(`${entry.id} ${minVersion}`)
      }
      place = page.place
    }
  }
}
