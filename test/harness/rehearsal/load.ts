import { setTimeout as pause } from 'node:timers/promises'
import type { Site, SiteVisitor } from './site.ts'

/** What people did while it lasted. Milliseconds. */
export interface LoadResult {
  done: Record<string, number>
  failures: string[]
  slowest: number
}

/** Milliseconds between two requests of one person. */
const PAUSE = 10

/** People who read their account, refresh, and sign in, over and over, until `stop`. Whatever is not a 200 has failed. */
export function startLoad(
  people: SiteVisitor[],
  site: Site,
  credentials: object
): { stop(): Promise<LoadResult> } {
  const result: LoadResult = { done: {}, failures: [], slowest: 0 }
  let isOver = false

  const repeat = async (who: SiteVisitor, method: string, path: string, body?: object) => {
    while (!isOver) {
      const start = performance.now()
      const { status, content } = await who.ask(method, path, body ? { body } : {}).catch(brokenOff)
      result.slowest = Math.max(result.slowest, Math.round(performance.now() - start))
      if (status === 200) result.done[path] = (result.done[path] ?? 0) + 1
      else result.failures.push(`${method} ${path}: ${status} ${content}`)
      await pause(PAUSE)
    }
  }

  const [refresher, ...readers] = people
  const running = [
    ...readers.map((person) => repeat(person, 'GET', '/auth/me')),
    ...(refresher ? [repeat(refresher, 'POST', '/auth/refresh')] : []),
    repeat(site.visitor(), 'POST', '/auth/login', credentials)
  ]
  return {
    async stop() {
      isOver = true
      await Promise.all(running)
      return result
    }
  }
}

function brokenOff(error: Error) {
  return { status: 0, content: error.message }
}
