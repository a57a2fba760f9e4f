import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the embedded database is, by the one name that a file has whatever links lead to it; undefined for PostgreSQL. */
export function sqlitePathOf(databaseUrl: string): string | undefined {
  if (!databaseUrl.startsWith('file:')) return undefined
  const path = databaseUrl.startsWith('file://')
    ? fileURLToPath(databaseUrl)
    : databaseUrl.slice('file:'.length)
  return followed(path)
}

// A link may lead to what is yet to be made.
function followed(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
  return isLink ? followed(resolve(dirname(path), readlinkSync(path))) : path
}

/** Throws where something else than a file is there: a pipe would have its reader wait for ever. */
export function refuseOtherThanFile(path: string): void {
  if (existsSync(path) && !statSync(path).isFile()) throw new Error(`${path} is not a file`)
}
