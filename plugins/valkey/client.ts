import { Redis, type RedisOptions } from 'ioredis'
import { parseValkeyUrl, type SentinelPlace, type ValkeyAddress } from '../../domain/settings/valkey-url.ts'

/** Milliseconds. */
const SENTINEL_TIMEOUT = 2000

/** Returns the prefix of every key. */
function keyPrefix(issuer: string): string {
  return `gatehouse:${issuer}:`
}

/** Returns the channel on which instances announce new revocations. */
export function channelOf(issuer: string): string {
  return `${keyPrefix(issuer)}revocations`
}

type ClientOptions = RedisOptions & { replyMapping?: 'legacy' }

/** A connection to Valkey or Redis. It is never ready on another database than the one that was asked for. */
export class ValkeyClient extends Redis {
  constructor(url: string, issuer: string, options: ClientOptions) {
    // The check of ioredis asks INFO, for which the user may have no right, and then prints to standard error.
    super({
      ...addressOptions(parseValkeyUrl(url)),
      keyPrefix: keyPrefix(issuer),
      enableReadyCheck: false,
      ...options
    })
  }

  // After a refused SELECT, ioredis would go on with database 0. So its handshake is left unfinished.
  override async select(database: number | string): Promise<'OK'> {
    try {
      return await super.select(database)
    } catch (error) {
      if (isRefusal(error)) this.emit('error', error)
      if (this.status === 'connect') this.disconnect(true)
      return new Promise<never>(() => {})
    }
  }
}

/** Returns whether Valkey answered with this error, so that the connection works. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

function addressOptions({ place, isEncrypted, ...login }: ValkeyAddress): ClientOptions {
  if ('sentinels' in place) return { ...login, ...sentinelOptions(place, isEncrypted) }
  if ('path' in place) return { ...login, path: place.path }
  // Node.js sends no server name by itself.
  const tls = /[a-z]$/i.test(place.host) ? { servername: place.host } : {}
  return { ...login, ...place, ...(isEncrypted && { tls }) }
}

function sentinelOptions({ sentinels, name, login }: SentinelPlace, isEncrypted: boolean): ClientOptions {
  return {
    sentinels,
    name,
    sentinelCommandTimeout: SENTINEL_TIMEOUT,
    ...(login.username && { sentinelUsername: login.username }),
    ...(login.password && { sentinelPassword: login.password }),
    ...(isEncrypted && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true })
  }
}
