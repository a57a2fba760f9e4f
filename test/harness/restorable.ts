import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Browser } from './browser.ts'
import { build, type Teardown, type TestApp } from './build.ts'
import type { TestClock } from './clock.ts'

interface Place {
  folder: string
  path: string
  env: Record<string, string>
  backup: string
}

/** Builds a service in a new folder, as `npm start` does. */
export async function newService(
  t: Teardown,
  clock?: TestClock
): Promise<{ service: TestApp; place: Place }> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'gatehouse.db')
  const env = { AUTH_DATA_DIR: folder, DATABASE_URL: `file:${path}` }
  const service = await build(t, { env, ...(clock && { clock }) })
  return { service, place: { folder, path, env, backup: join(folder, 'backup.db') } }
}

/** Returns a browser with the same cookies, for the service that was started after the restore. */
export function visiting(app: TestApp['app'], { cookies }: Browser): Browser {
  const browser = new Browser(app)
  for (const [name, cookie] of cookies) browser.cookies.set(name, cookie)
  return browser
}
