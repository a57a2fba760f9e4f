import { isReadableByGroup, isReadableByOthers } from '../../domain/file-mode.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const MEGABYTE = 1024 ** 2
const LEAST = 100 * MEGABYTE
const COMFORTABLE = 1024 * MEGABYTE

/** File systems by the number that the system gives them. */
const NETWORKED: Record<number, string> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9P'
}
const IN_MEMORY: Record<number, string> = { 16914836: 'tmpfs', 2240043254: 'ramfs' }

/** What was seen of a folder or a file; `mode` are its permission bits. */
export interface Seen {
  path: string
  mode: number
  isWritable: boolean
}

/** A file system: its free and whole size in bytes, and its type as `statfs` says it. */
export interface Disk {
  path: string
  free: number
  size: number
  type: number
}

/** `database` is undefined where it is not a file, or not made yet. */
export function dataFolderFindings(folder: Seen, database: Seen | undefined): Finding[] {
  const findings: Finding[] = []
  if (!folder.isWritable)
    findings.push(
      error(`${folder.path} cannot be written to`, `Give it to the user that runs Gatehouse: chown.`)
    )
  if (folder.mode & 0o002)
    findings.push(error(`${folder.path} can be changed by others`, `Run chmod 700 ${folder.path}.`))
  else if (folder.mode & 0o020)
    findings.push(
      warning(`${folder.path} can be changed by its group`, adviceOnGroup(`chmod 700 ${folder.path}`))
    )
  if (database && !database.isWritable)
    findings.push(
      error(`${database.path} cannot be written to`, 'Give it to the user that runs Gatehouse: chown.')
    )
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

/** `holdsDatabase` where what is kept there must outlive a restart and be locked. */
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
