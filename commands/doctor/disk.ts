import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../../domain/settings/config.ts'
import { sqlitePathOf } from '../../store/sqlite/path.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const MEGABYTE = 1024 ** 2
const LEAST = 100 * MEGABYTE
const COMFORTABLE = 1024 * MEGABYTE

/** Names of file systems, by the type that `statfs` gives. */
const NETWORKED: Record<number, string> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9P'
}
const IN_MEMORY: Record<number, string> = { 16914836: 'tmpfs', 2240043254: 'ramfs' }

/** A file system: its free and whole size in bytes, and its type as `statfs` gives it. */
export interface Disk {
  path: string
  free: number
  size: number
  type: number
}

/** Checks the disk that holds the embedded database, or else the data folder. */
export function diskCheck(config: Config): Check {
  return {
    name: 'disk',
    needs: ['DATABASE_URL', 'AUTH_DATA_DIR'],
    look: () => lookAtDisk(config),
    advice: 'Look at the disk and its connection.'
  }
}

function lookAtDisk({ AUTH_DATA_DIR, DATABASE_URL }: Config): Finding[] {
  const database = sqlitePathOf(DATABASE_URL)
  const path = database === undefined ? AUTH_DATA_DIR : dirname(database)
  if (!existsSync(path)) return [ok(`There is no ${path}: nothing was kept there yet`)]
  const { bavail, blocks, bsize, type } = statfsSync(path)
  return diskFindings({ path, free: bavail * bsize, size: blocks * bsize, type }, database !== undefined)
}

/** Judges a disk. If it holds the database, it must keep data over a restart, and support locks. */
export function diskFindings({ path, free, size, type }: Disk, holdsDatabase: boolean): Finding[] {
  const findings: Finding[] = []
  const left = `${Math.floor(free / MEGABYTE)} MiB of ${Math.floor(size / MEGABYTE)} are free at ${path}`
  const advice = 'Make room, or move AUTH_DATA_DIR to a larger disk: on a full one every sign-in fails.'
  if (free < LEAST) findings.push(error(left, advice))
  else if (free < COMFORTABLE) findings.push(warning(left, advice))
  if (holdsDatabase && IN_MEMORY[type])
    findings.push(
      error(
        `${path} is in memory (${IN_MEMORY[type]})`,
        'Move AUTH_DATA_DIR to a disk: a restart loses it all.'
      )
    )
  if (holdsDatabase && NETWORKED[type])
    findings.push(
      error(
        `${path} is on a network (${NETWORKED[type]})`,
        'Move AUTH_DATA_DIR to a local disk, or use PostgreSQL.'
      )
    )
  return findings.length > 0 ? findings : [ok(left)]
}
