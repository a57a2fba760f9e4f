import { sqlite } from '../test/harness/engines.ts'
import { withService } from './bed.ts'
import { Browser } from './browser.ts'
import { compare, inRounds, median, type Result } from './figure.ts'
import { type Remote, startRemote } from './process.ts'
import type { VerifierLoadJobs } from './verifier-load.ts'
import type { VerifierServiceJobs } from './verifier-service.ts'

const ROUNDS = 6
const CONNECTIONS = 20
const PEOPLE = 20
const SECONDS = 2
const PASSWORD = 'correct horse battery staple'

type Address = { origin: string; issuer: string }

interface VerifierBed {
  guarded: Remote<VerifierServiceJobs>
  load: Remote<VerifierLoadJobs>
}

/** Measures the verifier's cost in a separate service: a GET with a verified token, and the same route unguarded. */
export async function benchVerifier(): Promise<Result[]> {
  return withService({ engine: sqlite, people: 0 }, async ({ service }) => {
    const address = await service.call('address')
    const cookies = await signUp(address)
    return withGuarded(address, async ({ guarded, load }) => [await measure(guarded, load, cookies)])
  })
}

async function measure(
  guarded: VerifierBed['guarded'],
  load: VerifierBed['load'],
  cookies: string[]
): Promise<Result> {
  const origin = await guarded.call('address')

  async function get(path: string) {
    const before = await guarded.call('cpu')
    const rate = await load.call('get', origin + path, cookies, CONNECTIONS, SECONDS)
    const cpu = (await guarded.call('cpu')) - before
    return { rate, cpuPerRequest: cpu / (rate * SECONDS) }
  }

  await get('/open')
  await get('/guarded')

  const rounds = await inRounds(ROUNDS, async () => {
    const open = await get('/open')
    const guardedGet = await get('/guarded')
    return { ours: guardedGet.rate, peer: open.rate, byCpu: open.cpuPerRequest / guardedGet.cpuPerRequest }
  })
  const byCpu = median(rounds.map((round) => round.byCpu))
  return compare(
    {
      name: 'GET guarded by the verifier, warm tokens',
      unit: '/s',
      peer: 'the same route unguarded',
      target: { atLeast: 0.8 },
      note: `${byCpu.toFixed(2)} by processor time; ${PEOPLE} people’s tokens`
    },
    rounds
  )
}

/** Registers users, and returns their access cookies. */
async function signUp({ origin, issuer }: Address): Promise<string[]> {
  const cookies: string[] = []
  for (let person = 0; person < PEOPLE; person += 1) {
    const browser = new Browser(origin, issuer)
    await browser.post('/auth/register', 201, { email: `person${person}@example.com`, password: PASSWORD })
    browser.close()
    cookies.push(`access=${browser.cookies.get('access')}`)
  }
  return cookies
}

/** Starts a guarded service and its load for Gatehouse at `origin`. Stops both when `work` is done. */
async function withGuarded<R>(
  { origin, issuer }: Address,
  work: (bed: VerifierBed) => Promise<R>
): Promise<R> {
  const running: Array<{ stop(): Promise<void> }> = []
  try {
    const env = { ISSUER: issuer, GATEHOUSE: origin }
    const guarded = await startRemote<VerifierServiceJobs>('./verifier-service.ts', { env })
    running.push(guarded)
    const load = await startRemote<VerifierLoadJobs>('./verifier-load.ts')
    running.push(load)
    return await work({ guarded, load })
  } finally {
    for (const remote of running) await remote.stop()
  }
}
