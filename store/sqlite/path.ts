import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Returns the path of the embedded database, with symlinks resolved; undefined for PostgreSQL. */
export function sqlitePathOf(databaseUrl: string): string | undefined {
  if (!databaseUrl.startsWith('file:')) return undefined
  const path = databaseUrl.startsWith('file://')
    ? fileURLToPath(databaseUrl)
    : databaseUrl.slice('file:'.length)
  return followed(path)
}

// A symlink may lead to a file that does not exist yet.
function followed(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
  return isLink ? followed(resolve(dirname(path), readlinkSync(path))) : path
}

/** Throws an Error if the path is not a regular file. A reader of a pipe would wait for ever. */
export function refuseOtherThanFile(path: string): void {
  if (existsSync(path) && !statSync(path).isFile()) throw new Error(`${path} is not a file`)
}
