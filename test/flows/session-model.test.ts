import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Session } from '../../domain/model/session.ts'
import type { User } from '../../domain/model/user.ts'
import type { SignedIn } from '../../domain/sessions/sessions.ts'
import { build, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

/**
 * The session state machine against a model of it: random sequences of refreshes, lost answers, calls, re-authentications,
 * sign-outs and waits, by a browser and by a thief who copies its cookies.
 */
const GRACE = 10_000
const UNSEEN = 600_000
const IDLE = 86_400_000
const RUNS = { sqlite: 600, postgres: 150 }
const NOWHERE = { actorId: null, ip: null, userAgent: null, requestId: null }

type Holder = 'browser' | 'thief'

interface Model {
  now: number
  live: boolean
  current: number
  rotatedAt: number
  /** How the current token came about, and whether it was used since. */
  handover: 'unseen' | 'seen' | 'withheld'
  idleExpiresAt: number
  /** The generation that each of them holds. */
  held: Record<Holder, number>
}

interface Real {
  gatehouse: TestApp
  user: User
  session: Session
  /** The token given out for each generation: never two. */
  tokens: Map<number, string>
}

type Step = fc.AsyncCommand<Model, Real>

/** What the rules say of a refresh token that is shown: the generation given out, or why there is none. */
function judge(model: Model, shown: number): number | 'refused' | 'ended' {
  if (!model.live || model.now >= model.idleExpiresAt) return 'refused'
  if (shown === model.current) return model.current + 1
  if (shown !== model.current - 1) return 'ended'
  const age = model.now - model.rotatedAt
  if (model.handover === 'withheld') return age <= GRACE ? 'refused' : 'ended'
  if (age <= GRACE) return model.current
  return model.handover === 'unseen' && age <= UNSEEN ? model.current : 'ended'
}

function accept(model: Model, generation: number): void {
  if (generation === model.current) return
  model.current = generation
  model.rotatedAt = model.now
  model.handover = 'unseen'
  model.idleExpiresAt = model.now + IDLE
}

async function show({ gatehouse, session, tokens }: Real, generation: number): Promise<string | undefined> {
  const shown = { texts: [tokens.get(generation) as string], sessionId: session.id }
  try {
    const signedIn = await gatehouse.app.sessions.refresh(shown, NOWHERE)
    const known = tokens.get(signedIn.session.generation) ?? signedIn.refreshToken
    if (known !== signedIn.refreshToken) throw new Error('a generation has two tokens')
    tokens.set(signedIn.session.generation, known)
    return known
  } catch (error) {
    if ((error as { code?: string }).code === 'invalid_session') return undefined
    throw error
  }
}

async function isLive({ gatehouse, session }: Real): Promise<boolean> {
  return (await gatehouse.app.store.sessions.find(session.id))?.endedAt === null
}

function assertSame<T>(what: string, seen: T, expected: T): void {
  if (seen !== expected) throw new Error(`${what}: ${seen}, and by the model ${expected}`)
}

/** Shows the holder's token, as often as `times` at once; its answer arrives, or is lost on the way. */
class Refresh implements Step {
  readonly holder: Holder
  readonly times: number
  readonly arrives: boolean

  constructor(holder: Holder, times: number, arrives: boolean) {
    this.holder = holder
    this.times = times
    this.arrives = arrives
  }

  check = () => true

  async run(model: Model, real: Real): Promise<void> {
    const verdict = judge(model, model.held[this.holder])
    const shown = Array.from({ length: this.times }, () => show(real, model.held[this.holder]))
    const given = new Set(await Promise.all(shown))
    assertSame('different answers to one token', given.size, 1)
    const [token] = given
    if (typeof verdict === 'number') {
      assertSame('the token given out', token, real.tokens.get(verdict) ?? 'one of this generation')
      accept(model, verdict)
      if (this.arrives) model.held[this.holder] = verdict
    } else {
      assertSame('the token given out', token, undefined)
      if (verdict === 'ended') model.live = false
    }
    assertSame('the session lives', await isLive(real), model.live)
  }

  toString = () => `${this.holder} refreshes ${this.times}×${this.arrives ? '' : ', answer lost'}`
}

/** The thief copies what the browser has. */
class Steal implements Step {
  check = () => true
  async run(model: Model): Promise<void> {
    model.held.thief = model.held.browser
  }
  toString = () => 'the thief copies'
}

/** A guarded call, which shows that the tokens which the caller holds have arrived. */
class Call implements Step {
  readonly holder: Holder
  constructor(holder: Holder) {
    this.holder = holder
  }
  check = () => true
  async run(model: Model, { gatehouse, session }: Real): Promise<void> {
    const generation = model.held[this.holder]
    await gatehouse.app.sessions.confirm({ sessionId: session.id, generation })
    if (generation === model.current && model.handover === 'unseen') model.handover = 'seen'
  }
  toString = () => `${this.holder} calls`
}

/** The owner proves who they are again; the answer arrives, or is lost on the way. */
class Renew implements Step {
  readonly arrives: boolean
  constructor(arrives: boolean) {
    this.arrives = arrives
  }
  check = () => true
  async run(model: Model, { gatehouse, session, user, tokens }: Real): Promise<void> {
    const renewed = await gatehouse.app.store.sessions.renew(session.id, model.now)
    assertSame('a renewal', renewed !== undefined, model.live && model.now < model.idleExpiresAt)
    if (!renewed) return
    assertSame('the time of the sign-in', renewed.authTime, model.now)
    model.current += 1
    model.rotatedAt = model.now
    model.handover = 'withheld'
    tokens.set(model.current, gatehouse.app.sessions.signedIn(renewed, user).refreshToken)
    if (this.arrives) model.held.browser = model.current
  }
  toString = () => `the owner proves it again${this.arrives ? '' : ', answer lost'}`
}

class SignOut implements Step {
  check = () => true
  async run(model: Model, { gatehouse, session }: Real): Promise<void> {
    await gatehouse.app.sessions.end(session, 'logout', NOWHERE)
    model.live = false
  }
  toString = () => 'the owner signs out'
}

class Wait implements Step {
  readonly milliseconds: number
  constructor(milliseconds: number) {
    this.milliseconds = milliseconds
  }
  check = () => true
  async run(model: Model, { gatehouse }: Real): Promise<void> {
    gatehouse.clock.advance(this.milliseconds)
    model.now = gatehouse.clock()
  }
  toString = () => `${this.milliseconds} ms pass`
}

const holder = fc.constantFrom<Holder>('browser', 'browser', 'browser', 'thief')
const wait = fc.constantFrom(
  1,
  5000,
  GRACE,
  GRACE + 1,
  60_000,
  UNSEEN,
  UNSEEN + 1,
  IDLE,
  ...Array(4).fill(0.6 * IDLE)
)
const lost = fc.record({ holder, times: fc.integer({ min: 1, max: 3 }), arrives: fc.boolean() })

const steps = fc.commands(
  [
    lost.map(({ holder, times, arrives }) => new Refresh(holder, times, arrives)),
    lost.map(({ holder, times, arrives }) => new Refresh(holder, times, arrives)),
    fc.constant(new Steal()),
    holder.map((holder) => new Call(holder)),
    fc.boolean().map((arrives) => new Renew(arrives)),
    wait.map((milliseconds) => new Wait(milliseconds)),
    fc.constant(new SignOut())
  ],
  { maxCommands: 14 }
)

async function open(gatehouse: TestApp, user: User): Promise<{ model: Model; real: Real }> {
  const { app, clock } = gatehouse
  const context = { caller: NOWHERE, previous: undefined, event: 'login.succeeded' } as const
  const signedIn = await app.store.transaction((tx) => app.signIn.complete(tx, user, context))
  const { session, refreshToken } = signedIn as SignedIn
  const now = clock()
  const model: Model = {
    now,
    live: true,
    current: 0,
    rotatedAt: now,
    handover: 'withheld',
    idleExpiresAt: now + IDLE,
    held: { browser: 0, thief: 0 }
  }
  return { model, real: { gatehouse, user, session, tokens: new Map([[0, refreshToken]]) } }
}

async function ownerOf(t: Test, gatehouse: TestApp): Promise<User> {
  const window = await gatehouse.signUp()
  const user = await gatehouse.app.store.users.find((await window.get('/auth/me')).body.user.id)
  if (!user) throw new Error('nobody signed up')
  t.pass('somebody is signed in')
  return user
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const env = { AUTH_SESSION_MAX_TTL: '400d' }
    const gatehouse = await build(t, { engine, env })
    const user = await ownerOf(t, gatehouse)

    t.test('whatever happens in whatever order, the session does what its model does', async (t) => {
      const property = fc.asyncProperty(steps, async (sequence) => {
        const { model, real } = await open(gatehouse, user)
        await fc.asyncModelRun(() => ({ model, real }), sequence)
      })
      await fc.assert(property, { numRuns: RUNS[engine.name], verbose: 1 })
      t.pass(`${RUNS[engine.name]} sequences`)
    })

    t.test('answers that are lost, and retried within ten minutes, sign nobody out', async (t) => {
      let { model, real } = await open(gatehouse, user)
      for (let round = 0; round < 200; round += 1) {
        if (round % 50 === 0) ({ model, real } = await open(gatehouse, user))
        const [shown, wait] = [model.held.browser, [0, 11_000, 300_000, UNSEEN][round % 4] as number]
        await show(real, shown)
        gatehouse.clock.advance(wait)
        const token = await show(real, shown)
        t.ok(token !== undefined && token === real.tokens.get(shown + 1), `${wait} ms later`)
        model.held.browser = shown + 1
      }
    })

    t.test(
      'once the successor was seen, whoever shows the predecessor ends the session every time',
      async (t) => {
        for (let round = 0; round < 40; round += 1) {
          const { real } = await open(gatehouse, user)
          await show(real, 0)
          await gatehouse.app.sessions.confirm({ sessionId: real.session.id, generation: 1 })
          gatehouse.clock.advance(GRACE + 1 + round)
          t.equal(await show(real, 0), undefined)
          t.equal(await isLive(real), false)
        }
      }
    )
  })
}
