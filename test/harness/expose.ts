import { build, type Teardown } from './build.ts'
import type { Engine } from './engines.ts'
import { type Family, parseExposition } from './exposition.ts'
import { bearer, TOKEN, withToken } from './scrape.ts'

/** Returns what an instance on this engine exposes at its second scrape, when the first has been measured. */
export async function expose(t: Teardown, engine: Engine, REDIS_URL?: string): Promise<Map<string, Family>> {
  const { app } = await build(t, { engine, env: { ...withToken, ...(REDIS_URL && { REDIS_URL }) } })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  await (await fetch(`${origin}/oauth/revocations`)).text()
  const scrape = async () => (await fetch(`${origin}/metrics`, { headers: bearer(TOKEN) })).text()
  await scrape()
  return parseExposition(await scrape())
}
