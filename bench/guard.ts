import { sqlite } from '../test/harness/engines.ts'
import { withService } from './bed.ts'
import { compare, inRounds, median, type Result } from './figure.ts'

const ROUNDS = 6
const CONNECTIONS = 20
const SECONDS = 2

/** Measures the guard's cost: a GET with a verified token, and the same route unguarded, in the same process. */
export async function benchGuard(): Promise<Result[]> {
  return withService({ engine: sqlite, people: 1 }, async ({ service, load }) => {
    async function get(path: string) {
      await service.call('watch')
      const rate = await load.call('get', path, CONNECTIONS, SECONDS)
      const { busy, cpu } = await service.call('report')
      return { rate, busy, cpuPerRequest: cpu / (rate * SECONDS) }
    }

    await get('/bench/open')
    await get('/bench/guarded')

    const rounds = await inRounds(ROUNDS, async () => {
      const open = await get('/bench/open')
      const guarded = await get('/bench/guarded')
      const byCpu = open.cpuPerRequest / guarded.cpuPerRequest
      return { ours: guarded.rate, peer: open.rate, busy: guarded.busy, byCpu }
    })
    const busy = Math.round(100 * median(rounds.map((round) => round.busy)))
    const byCpu = median(rounds.map((round) => round.byCpu))
    return [
      compare(
        {
          name: 'guarded GET, warm token',
          unit: '/s',
          peer: 'the same route unguarded',
          target: { atLeast: 0.85 },
          note: `${byCpu.toFixed(2)} by processor time; server thread ${busy} % busy`
        },
        rounds
      )
    ]
  })
}
