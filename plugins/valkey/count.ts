import type { Redis } from 'ioredis'

/** Requests so far in the window, and the milliseconds until it ends. */
export interface SharedCount {
  current: number
  ttl: number
}

// A count without an expiry would refuse a caller forever: if it is missing, the next request sets it again.
const COUNT = `
local current = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  ttl = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return {current, ttl}`

/** Counts one request in Valkey. `window` is in milliseconds. */
export async function countIn(valkey: Redis, key: string, window: number): Promise<SharedCount> {
  const [current, ttl] = (await valkey.eval(COUNT, 1, key, window)) as [number, number]
  return { current, ttl }
}

/** Does what counting needs, and leaves nothing: the count ends after a millisecond. */
export async function tryToCount(valkey: Redis): Promise<void> {
  await countIn(valkey, 'limit:try', 1)
}
