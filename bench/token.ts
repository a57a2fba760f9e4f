import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Engine, engines, sqlite } from '../test/harness/engines.ts'
import { compare, inRounds, median, type Result } from './figure.ts'
import type { LoadJobs } from './load.ts'
import { percentileAtRate } from './paced.ts'
import { type Remote, startRemote } from './process.ts'
import type { TokenServiceJobs } from './token-service.ts'
import type { SignerJobs } from './token-signer.ts'
import { postRate, type Shot, wrkMissing } from './wrk.ts'

const ROUNDS = 6
const SECONDS = 2
const CONNECTIONS = 20

/** Token requests per second while users sign in, and the duration and number of rounds without sign-ins. */
const MODEST_RATE = 100
const QUIET_SECONDS = 4
const QUIET_ROUNDS = 4
const PEOPLE = 50

const SETTINGS = {
  LOG_LEVEL: 'warn',
  AUTH_RATE_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_IP: '0',
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: '0'
}

type Service = Remote<TokenServiceJobs>

interface Bed {
  service: Service
  origin: string
  issuer: string
  client: { id: string; authorization: string }
}

/** Compares machine tokens with signing alone, and introspection with an open form. Measures token requests during sign-ins. */
export async function benchToken(): Promise<Result[]> {
  const results: Result[] = []
  for (const engine of engines) results.push(await benchIssuing(engine))
  results.push(await benchIntrospection(), await benchBesideLogins())
  return results
}

async function benchIssuing(engine: Engine): Promise<Result> {
  const name = `tokens, client_secret_basic, ${engine.name}`
  const skipped = engine.missing || wrkMissing
  if (skipped) return { name, skipped }
  const signer = await startRemote<SignerJobs>('./token-signer.ts')
  try {
    return await withTokenService(engine, async (bed) => {
      const work = await bed.service.call('signingWork', bed.client.id)
      const shot = formOf(bed, '/oauth/token', 'grant_type=client_credentials')
      const open = { ...shot, url: `${bed.origin}/bench/form` }
      await rateOf(bed.service, shot)
      await rateOf(bed.service, open)
      const rounds = await inRounds(ROUNDS, async () => {
        const peer = await signer.call('sign', work, SECONDS)
        const { rate, busy } = await rateOf(bed.service, shot)
        const { rate: openRate } = await rateOf(bed.service, open)
        return { ours: rate, peer, busy, openRate }
      })
      const openRate = Math.round(median(rounds.map((round) => round.openRate)))
      return compare(
        {
          name,
          unit: '/s',
          peer: `bare ${work.algorithm} signatures, one core`,
          target: { atLeast: 0.5 },
          note: `${noteOf(rounds)}; an open form comes to ${openRate}/s`
        },
        rounds
      )
    })
  } finally {
    await signer.stop()
  }
}

async function benchIntrospection(): Promise<Result> {
  const name = 'introspections, own token'
  if (wrkMissing) return { name, skipped: wrkMissing }
  return withTokenService(sqlite, async (bed) => {
    const form = `token=${await tokenOf(bed)}`
    const [shot, open] = [formOf(bed, '/oauth/introspect', form), formOf(bed, '/bench/form', form)]
    await rateOf(bed.service, shot)
    await rateOf(bed.service, open)
    const rounds = await inRounds(ROUNDS, async () => {
      const { rate: peer } = await rateOf(bed.service, open)
      const { rate, busy } = await rateOf(bed.service, shot)
      return { ours: rate, peer, busy }
    })
    const peer = 'the same form to an open route'
    return compare({ name, unit: '/s', peer, target: { atLeast: 0.6 }, note: noteOf(rounds) }, rounds)
  })
}

async function benchBesideLogins(): Promise<Result> {
  const load = await startRemote<LoadJobs>('./load.ts')
  try {
    return await withTokenService(sqlite, async (bed) => {
      await load.call('signUp', bed, PEOPLE)
      const shot = formOf(bed, '/oauth/token', 'grant_type=client_credentials')
      const p99 = () => percentileAtRate(shot, MODEST_RATE, QUIET_SECONDS - 1)
      await p99()
      const logins: number[] = []
      const delays: number[] = []
      const rounds = await inRounds(QUIET_ROUNDS, async () => {
        const peer = await p99()
        const signingIn = load.call('login', PEOPLE, QUIET_SECONDS)
        await pause(500)
        await bed.service.call('watch')
        const ours = await p99()
        delays.push((await bed.service.call('report')).delayP99)
        logins.push(await signingIn)
        return { ours, peer }
      })
      return compare(
        {
          name: `p99 of a token, ${MODEST_RATE}/s, while ${PEOPLE} people sign in`,
          unit: 'ms',
          peer: 'nobody signs in',
          target: { atMost: 3 },
          note: `${Math.round(median(logins))} logins/s meanwhile; event-loop delay p99 ${median(delays).toFixed(1)} ms`
        },
        rounds
      )
    })
  } finally {
    await load.stop()
  }
}

async function withTokenService<R>(engine: Engine, work: (bed: Bed) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const database = await engine.create()
  try {
    const env = { ...SETTINGS, AUTH_DATA_DIR: folder, DATABASE_URL: database.url }
    const service = await startRemote<TokenServiceJobs>('./token-service.ts', { env })
    try {
      const client = await service.call('makeClient')
      return await work({ service, client, ...(await service.call('address')) })
    } finally {
      await service.stop()
    }
  } finally {
    await database.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

function formOf({ origin, client }: Bed, path: string, body: string): Shot {
  const { authorization } = client
  const type = 'application/x-www-form-urlencoded'
  return { url: origin + path, headers: { authorization, 'content-type': type }, body }
}

async function rateOf(service: Service, shot: Shot) {
  await service.call('watch')
  const rate = await postRate(shot, CONNECTIONS, SECONDS)
  return { rate, busy: (await service.call('report')).busy }
}

function noteOf(rounds: Array<{ busy: number }>): string {
  return `by wrk; server thread ${Math.round(100 * median(rounds.map(({ busy }) => busy)))} % busy`
}

async function tokenOf(bed: Bed): Promise<string> {
  const { url, headers, body } = formOf(bed, '/oauth/token', 'grant_type=client_credentials')
  const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
    access_token: string
  }
  return answer.access_token
}
