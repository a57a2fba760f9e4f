import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { isReadableByGroup, isReadableByOthers } from '../../domain/file-mode.ts'
import type { Config } from '../../domain/settings/config.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import { type Check, GIVE } from './checkup.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** A folder or a file; `mode` holds its permission bits. */
export interface Entry {
  path: string
  mode: number
  isWritable: boolean
}

/** Checks who may read and change the embedded database, and the folder that holds it and the master key. */
export function dataFolderCheck(config: Config): Check {
  return {
    name: 'data folder',
    needs: ['DATABASE_URL', 'AUTH_DATA_DIR'],
    look: () => lookAtDataFolder(config),
    advice: 'Give AUTH_DATA_DIR to the user that runs Gatehouse.'
  }
}

function lookAtDataFolder({ AUTH_DATA_DIR, DATABASE_URL }: Config): Finding[] {
  if (!existsSync(AUTH_DATA_DIR)) return [ok(`There is no ${AUTH_DATA_DIR}: nothing was kept there yet`)]
  const path = sqlitePathOf(DATABASE_URL)
  return dataFolderFindings(
    entryAt(AUTH_DATA_DIR),
    path !== undefined && existsSync(path) && statSync(path).isFile() ? entryAt(path) : undefined
  )
}

function entryAt(path: string): Entry {
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

/** Judges the permissions. `database` is undefined if it is not a file, or does not exist yet. */
export function dataFolderFindings(folder: Entry, database: Entry | undefined): Finding[] {
  const findings: Finding[] = []
  if (!folder.isWritable) findings.push(error(`${folder.path} cannot be written to`, GIVE))
  if (folder.mode & 0o002)
    findings.push(error(`${folder.path} can be changed by others`, `Run chmod 700 ${folder.path}.`))
  else if (folder.mode & 0o020)
    findings.push(
      warning(`${folder.path} can be changed by its group`, adviceOnGroup(`chmod 700 ${folder.path}`))
    )
  if (database && !database.isWritable) findings.push(error(`${database.path} cannot be written to`, GIVE))
  if (database && isReadableByOthers(database.mode))
    findings.push(
      error(
        `${database.path} can be read by others: it has all password hashes`,
        `Run chmod 600 ${database.path}.`
      )
    )
  else if (database && isReadableByGroup(database.mode))
    findings.push(
      warning(
        `${database.path} can be read by its group: it has all password hashes`,
        adviceOnGroup(`chmod 600 ${database.path}`)
      )
    )
  return findings.length > 0 ? findings : [ok(`${folder.path} is for Gatehouse alone`)]
}

function adviceOnGroup(command: string): string {
  return `Run ${command}, unless that group is Gatehouse's alone, as fsGroup of Kubernetes makes it.`
}
