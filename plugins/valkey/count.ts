import type { Redis } from 'ioredis'

/** Requests so far in the window, and the milliseconds until it ends. */
export interface SharedCount {
  current: number
  ttl: number
}

// A count without an expiry would refuse a caller forever: if it is missing, the next request sets it again.
const COUNT = `
local max = tonumber(ARGV[2])
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
if current < max then current = redis.call('INCR', KEYS[1]) else current = max + 1 end
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  ttl = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return {current, ttl}`

// A later window has more time left than this one.
const GIVE_BACK = `
local ttl = redis.call('PTTL', KEYS[1])
if ttl > 0 and ttl <= tonumber(ARGV[1]) then redis.call('DECR', KEYS[1]) end`

/** Counts one request in Valkey, up to one more than `max`. `window` is in milliseconds. */
export async function countIn(valkey: Redis, key: string, window: number, max: number): Promise<SharedCount> {
  const [current, ttl] = (await valkey.eval(COUNT, 1, key, window, max)) as [number, number]
  return { current, ttl }
}

/** Takes one request out of its window, which has at most `ttl` milliseconds left. Does nothing to a later window. */
export async function giveBackIn(valkey: Redis, key: string, ttl: number): Promise<void> {
  await valkey.eval(GIVE_BACK, 1, key, ttl)
}

const TRIAL = { key: 'limit:try', window: 1000, max: 1_000_000 }

/** Does what counting needs, and leaves nothing after a second. */
export async function tryToCount(valkey: Redis): Promise<void> {
  const { key, window, max } = TRIAL
  await countIn(valkey, key, window, max)
  await giveBackIn(valkey, key, window)
}
