import { Redis } from 'ioredis'
import type { Config } from '../../domain/settings/config.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok } from './finding.ts'

const PASSWORD = /NOAUTH|WRONGPASS|NOPERM|invalid password|without any password/i

/** Milliseconds. */
const PATIENCE = 2000

/** Checks that Valkey answers, and takes the user and the password of REDIS_URL. */
export function valkeyCheck({ REDIS_URL }: Config): Check {
  return {
    name: 'valkey',
    needs: ['REDIS_URL'],
    look: (signal) => lookAtValkey(REDIS_URL, signal),
    advice: 'Start it, or correct REDIS_URL; until then limits are local and news slower.'
  }
}

async function lookAtValkey(url: string, signal: AbortSignal): Promise<Finding[]> {
  if (!url) return [ok('Without REDIS_URL each instance counts for itself, and polls')]
  const valkey = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    connectTimeout: PATIENCE,
    commandTimeout: PATIENCE,
    disconnectTimeout: 100
  })
  let reason = ''
  valkey.on('error', ({ message, code }: Error & { code?: string }) => {
    reason ||= message || (code ?? '')
  })
  signal.addEventListener('abort', () => valkey.disconnect(), { once: true })
  try {
    await valkey.connect()
    await valkey.ping()
    return [ok('Valkey answers')]
  } catch (thrown) {
    reason ||= (thrown as Error).message
    if (!PASSWORD.test(reason)) throw new Error(reason)
    const advice = 'Put the right user and password into REDIS_URL: redis://user:password@host.'
    return [error(`Valkey refuses the password: ${reason}`, advice)]
  } finally {
    valkey.disconnect()
  }
}
