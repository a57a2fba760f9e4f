import { spawnSync } from 'node:child_process'
import { type Engine, postgres, sqlite } from '../test/harness/engines.ts'
import { type Bed, withDatabase, withPeers, withService } from './bed.ts'
import { compare, inRounds, median, type Result, type Round } from './figure.ts'

const ROUNDS = 4
const SECONDS = 2.5
const CLIENTS = 50

/** Milliseconds that each fsync takes on the slow disk that strace simulates. */
const SLOW_FSYNC = 20

interface RefreshRound extends Round {
  delayP99: number
}

/** Compares refreshes with the engine's durable single-row updates, and measures the delay of the event loop. */
export async function benchRefresh(): Promise<Result[]> {
  const onSqlite = await benchOn(sqlite)
  const onPostgres = postgres.missing ? [] : await benchOn(postgres)
  return [
    throughput(sqlite, 'bare better-sqlite3, autocommit, synchronous=FULL', onSqlite),
    throughput(postgres, 'bare pg, pool of 10', onPostgres),
    delay(onSqlite, onPostgres),
    await benchSlowDisk(onSqlite)
  ]
}

async function benchOn(engine: Engine): Promise<RefreshRound[]> {
  return withPeers((peers) =>
    withService({ engine, people: CLIENTS }, (bed) =>
      inRounds(ROUNDS, async () => {
        const job = engine === sqlite ? 'updateSqlite' : 'updatePostgres'
        const peer = await withDatabase(engine, (url) => peers.call(job, url, CLIENTS, SECONDS))
        return { peer, ...(await refresh(bed)) }
      })
    )
  )
}

async function refresh({ service, load }: Bed): Promise<{ ours: number; delayP99: number }> {
  await service.call('watch')
  const ours = await load.call('refresh', SECONDS)
  const { delayP99 } = await service.call('report')
  return { ours, delayP99 }
}

function throughput(engine: Engine, peer: string, rounds: RefreshRound[]): Result {
  const name = `refreshes, ${CLIENTS} clients, ${engine.name}`
  return engine.missing ? { name, skipped: engine.missing } : compare({ name, unit: '/s', peer }, rounds)
}

function delay(onSqlite: RefreshRound[], onPostgres: RefreshRound[]): Result {
  const name = `event-loop delay p99, ${CLIENTS} clients refresh, sqlite`
  if (postgres.missing) return { name, skipped: postgres.missing }
  const rounds = onSqlite.map(({ delayP99 }, i) => ({ ours: delayP99, peer: onPostgres[i]?.delayP99 ?? 0 }))
  return compare({ name, unit: 'ms', peer: 'the same on postgres' }, rounds)
}

async function benchSlowDisk(onSqlite: RefreshRound[]): Promise<Result> {
  const name = `event-loop delay p99, each fsync + ${SLOW_FSYNC} ms`
  const under = slowDisk()
  if (spawnSync(under[0] as string, [...under.slice(1), 'true']).status !== 0)
    return { name, skipped: 'strace cannot trace here' }
  const slow = await withService({ engine: sqlite, people: CLIENTS, under }, refresh)
  const usual = median(onSqlite.map(({ delayP99 }) => delayP99))
  return compare(
    { name, unit: 'ms', peer: 'this disk as it is', note: `${Math.round(slow.ours)} refreshes/s` },
    [{ ours: slow.delayP99, peer: usual }]
  )
}

function slowDisk(): string[] {
  const inject = `inject=fsync,fdatasync:delay_exit=${SLOW_FSYNC * 1000}`
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=fsync,fdatasync',
    '-e',
    inject
  ]
}
