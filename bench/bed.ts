import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../test/harness/engines.ts'
import type { LoadJobs } from './load.ts'
import type { PeerJobs } from './peers.ts'
import { type Remote, type RemoteOptions, startRemote } from './process.ts'
import type { ServiceJobs } from './service.ts'

/** A service on a new database with registered users, and the process that loads it. */
export interface Bed {
  service: Remote<ServiceJobs>
  load: Remote<LoadJobs>
}

/** One address makes all the load: limits by address are off. All else is as in production. */
const SETTINGS = { LOG_LEVEL: 'warn', AUTH_RATE_LIMIT_PER_IP: '0', AUTH_LOGIN_LIMIT_PER_IP: '0' }

export async function withService<R>(
  { engine, people, under = [] }: { engine: Engine; people: number } & Pick<RemoteOptions, 'under'>,
  work: (bed: Bed) => Promise<R>
): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const database = await engine.create()
  const running: Array<{ stop(): Promise<void> }> = []
  try {
    const env = { ...SETTINGS, AUTH_DATA_DIR: folder, DATABASE_URL: database.url }
    const service = await startRemote<ServiceJobs>('./service.ts', { env, under })
    running.push(service)
    const load = await startRemote<LoadJobs>('./load.ts')
    running.push(load)
    await load.call('signUp', await service.call('address'), people)
    return await work({ service, load })
  } finally {
    for (const remote of running) await remote.stop()
    await database.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

export async function withPeers<R>(work: (peers: Remote<PeerJobs>) => Promise<R>): Promise<R> {
  const peers = await startRemote<PeerJobs>('./peers.ts')
  try {
    return await work(peers)
  } finally {
    await peers.stop()
  }
}

/** Runs `work` with the URL of a new database, and drops the database afterwards. */
export async function withDatabase<R>(engine: Engine, work: (url: string) => Promise<R>): Promise<R> {
  const database = await engine.create()
  try {
    return await work(database.url)
  } finally {
    await database.remove()
  }
}
