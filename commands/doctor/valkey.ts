import type { Config } from '../../domain/settings/config.ts'
import { channelOf, isRefusal, ValkeyClient } from '../../plugins/valkey/client.ts'
import { tryToCount } from '../../plugins/valkey/count.ts'
import { explain } from '../../plugins/valkey/refusal.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok } from './finding.ts'

/** Milliseconds. */
const PATIENCE = 2000
const ADVICE = 'Start it, or correct REDIS_URL; until then limits are local and news slower.'

type Connection = { REDIS_URL: string; AUTH_ISSUER: string }

/** Checks that Valkey lets the user of REDIS_URL do what the service does: choose the database, count, announce and listen. */
export function valkeyCheck(config: Config): Check {
  return {
    name: 'valkey',
    needs: ['REDIS_URL', 'AUTH_ISSUER'],
    look: (signal) => lookAtValkey(config, signal),
    advice: ADVICE
  }
}

async function lookAtValkey(config: Connection, signal: AbortSignal): Promise<Finding[]> {
  if (!config.REDIS_URL) return [ok('Without REDIS_URL each instance counts for itself, and polls')]
  const valkey = new ValkeyClient(config.REDIS_URL, config.AUTH_ISSUER, {
    lazyConnect: true,
    retryStrategy: null,
    sentinelRetryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: PATIENCE,
    commandTimeout: PATIENCE,
    disconnectTimeout: 100
  })
  signal.addEventListener('abort', () => valkey.disconnect(), { once: true })
  try {
    const failure = await connect(valkey)
    return failure ? [failure] : await tryCommands(valkey, channelOf(config.AUTH_ISSUER))
  } finally {
    valkey.disconnect()
  }
}

/** Returns what keeps the client from connecting; undefined if it is connected. */
async function connect(valkey: ValkeyClient): Promise<Finding | undefined> {
  let first: Error | undefined
  valkey.on('error', (thrown: Error) => {
    first ??= thrown
  })
  try {
    await valkey.connect()
    return undefined
  } catch (thrown) {
    const { reason, advice = ADVICE } = explain(first ?? (thrown as Error))
    return error(isRefusal(first) ? `Valkey refuses the connection: ${reason}` : reason, advice)
  }
}

/** Does once what the service does all the time. Leaves nothing: the count ends after a millisecond, the message is empty. */
async function tryCommands(valkey: ValkeyClient, channel: string): Promise<Finding[]> {
  const commands: Array<[string, () => Promise<unknown>]> = [
    ['count requests', () => tryToCount(valkey)],
    ['announce revocations', () => valkey.publish(channel, '')],
    ['pass announcements on', () => valkey.subscribe(channel)]
  ]
  const refused: Finding[] = []
  for (const [purpose, command] of commands) {
    try {
      await command()
    } catch (thrown) {
      const { reason, advice = ADVICE } = explain(thrown as Error)
      refused.push(error(`Valkey does not ${purpose}: ${reason}`, advice))
    }
  }
  return refused.length > 0 ? refused : [ok('Valkey counts, announces and listens')]
}
