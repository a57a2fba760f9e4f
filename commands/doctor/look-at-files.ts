import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../../domain/settings/config.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import { dataFolderFindings, diskFindings, type Seen } from './data-folder.ts'
import { type Finding, ok } from './finding.ts'

/** The folder of the embedded database and of the master key: who may change and read what is in it. */
export function lookAtDataFolder({ AUTH_DATA_DIR, DATABASE_URL }: Config): Finding[] {
  if (!existsSync(AUTH_DATA_DIR)) return [ok(`There is no ${AUTH_DATA_DIR}: nothing was kept there yet`)]
  const path = sqlitePathOf(DATABASE_URL)
  return dataFolderFindings(
    see(AUTH_DATA_DIR),
    path !== undefined && existsSync(path) && statSync(path).isFile() ? see(path) : undefined
  )
}

/** The disk below it. */
export function lookAtDisk({ AUTH_DATA_DIR, DATABASE_URL }: Config): Finding[] {
  const database = sqlitePathOf(DATABASE_URL)
  const path = database === undefined ? AUTH_DATA_DIR : dirname(database)
  if (!existsSync(path)) return [ok(`There is no ${path}: nothing was kept there yet`)]
  const { bavail, blocks, bsize, type } = statfsSync(path)
  return diskFindings({ path, free: bavail * bsize, size: blocks * bsize, type }, database !== undefined)
}

function see(path: string): Seen {
  return { path, mode: statSync(path).mode & 0o777, isWritable: isWritable(path) }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
