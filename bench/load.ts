import autocannon from 'autocannon'
import { Browser } from './browser.ts'
import { serve } from './process.ts'
import { measureRate } from './rate.ts'

/** The load, in a separate process, so that it does not run in the server's thread. */
const PASSWORD = 'correct horse battery staple'
const REGISTRATIONS_AT_ONCE = 8

let address = { origin: '', issuer: '' }
let people: Browser[] = []

const emailOf = (person: number) => `person${person}@example.com`

async function register(person: number): Promise<Browser> {
  const browser = new Browser(address.origin, address.issuer)
  await browser.post('/auth/register', 201, { email: emailOf(person), password: PASSWORD })
  return browser
}

const jobs = {
  /** Registers `count` users, who stay signed in. */
  async signUp(at: typeof address, count: number) {
    address = at
    people = []
    while (people.length < count) {
      const group = Math.min(REGISTRATIONS_AT_ONCE, count - people.length)
      const first = people.length
      people.push(...(await Promise.all(Array.from({ length: group }, (_, i) => register(first + i)))))
    }
  },

  /** Returns the first user's GETs per second, with the cookies that a browser sends outside /auth. */
  async get(path: string, connections: number, seconds: number) {
    const cookie = ['access', 'session'].map((name) => `${name}=${people[0]?.cookies.get(name)}`).join('; ')
    const url = address.origin + path
    const { requests, non2xx, errors } = await autocannon({
      url,
      connections,
      duration: seconds,
      headers: { cookie }
    })
    if (non2xx + errors > 0) throw new Error(`${path}: ${non2xx} refusals, ${errors} errors`)
    return requests.average
  },

  /** Returns the refreshes per second of all users together, each with the cookies of their last reply. */
  refresh: (seconds: number) =>
    measureRate({ inFlight: people.length, seconds }, async (person) => {
      await people[person]?.post('/auth/refresh', 200)
    }),

  /** Returns the logins per second of `inFlight` browsers. Each login uses new cookies; no account signs in twice at once. */
  async login(inFlight: number, seconds: number) {
    const browsers = Array.from({ length: inFlight }, () => new Browser(address.origin, address.issuer))
    const turns = browsers.map(() => 0)
    const rate = await measureRate({ inFlight, seconds }, async (worker) => {
      const turn = turns[worker] ?? 0
      turns[worker] = turn + 1
      const person = (turn * inFlight + worker) % people.length
      browsers[worker]?.cookies.clear()
      await browsers[worker]?.post('/auth/login', 200, { email: emailOf(person), password: PASSWORD })
    })
    for (const browser of browsers) browser.close()
    return rate
  }
}

export type LoadJobs = typeof jobs
serve(jobs)
