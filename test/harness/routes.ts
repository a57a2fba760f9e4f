import type { FastifyInstance } from 'fastify'
import type { Browser } from './browser.ts'

export interface Route {
  method: Parameters<Browser['request']>[0]
  url: string
}

/** Returns every route that Fastify lists, without HEAD, OPTIONS and /docs. */
export function listRoutes(app: FastifyInstance): Route[] {
  const stack: string[] = []
  const routes: Route[] = []
  for (const line of app.printRoutes().split('\n')) {
    const match = /^([│ ]*)[├└]── ([^ ]*)(?: \(([A-Z, ]+)\))?$/.exec(line)
    if (!match) continue
    const [, indent = '', segment = '', methods = ''] = match
    const depth = indent.length / 4
    stack.splice(depth, stack.length, segment)
    const url = stack.join('')
    for (const method of methods.split(', ')) {
      if (method && !['HEAD', 'OPTIONS'].includes(method) && !url.startsWith('/docs'))
        routes.push({ method: method as Route['method'], url })
    }
  }
  return routes
}

/** Returns a path of this route whose parameters name nothing that exists. */
export const concrete = ({ url }: Route) =>
  url.replace(/:(id|secretId|kid)/g, '01890000-0000-7000-8000-000000000000').replace(':name', 'nobody')

export const nameOf = ({ method, url }: Route) => `${method} ${url}`
