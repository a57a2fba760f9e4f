import type { Problem } from '../domain/errors.ts'
import {
  keysOf,
  MasterKeyError,
  masterKeyPath,
  missingMasterKey,
  readMasterKey
} from '../domain/keys/master-key.ts'
import { type SealedKey, unopened } from '../domain/keys/signing-key.ts'
import { invalidateAfterRestore } from '../domain/restore.ts'
import type { Config } from '../domain/settings/config.ts'
import type { LoadedSettings } from '../domain/settings/settings.ts'
import { lastTokenExpiry } from '../domain/tokens/access-token.ts'
import { settings } from '../settings.ts'
import { acquireServiceLock, openStore } from '../store/index.ts'
import { inspectDatabase } from '../store/inspection.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'
import { carryRevocations, restoreDatabase } from '../store/sqlite/restore.ts'
import { type Command, type CommandResult, UsageError } from './command.ts'
import { operator } from './operator.ts'
import { databaseUrlInShell, quoted } from './postgres-command.ts'

const UNREADABLE =
  'The revocations of the replaced database could not be read: access tokens of sessions begun since the backup work until they expire.'

/** `gatehouse restore`: replaces the embedded database by a backup, or makes PostgreSQL ready after pg_restore. */
export const restore: Command = {
  name: 'restore',
  usage: 'FILE | --after-pg-restore [--keep-sessions]',
  summary:
    'replace the embedded database by a backup, or finish a pg_restore; everybody signs in again unless --keep-sessions',
  words: 1,
  options: { 'after-pg-restore': { type: 'boolean' }, 'keep-sessions': { type: 'boolean' } },
  async run(values, [file]) {
    const isFilled = values['after-pg-restore'] === true
    if (file === '' || isFilled === (file !== undefined))
      throw new UsageError('FILE is needed, or --after-pg-restore')
    const loaded = settings()
    const { config } = loaded
    const keepSessions = values['keep-sessions'] === true
    const path = sqlitePathOf(config.DATABASE_URL)
    if (path === undefined) {
      if (file !== undefined) throw new Error(howToOnPostgres(loaded, file))
      return finish(config, keepSessions)
    }
    if (file === undefined)
      throw new UsageError('--after-pg-restore is for PostgreSQL; for the embedded database FILE is needed')
    const lock = lockDatabase(config)
    try {
      return await putInPlace(file, path, config, keepSessions)
    } finally {
      lock?.release()
    }
  }
}

function howToOnPostgres(loaded: LoadedSettings, file: string): string {
  return (
    `PostgreSQL has a program for this: pg_restore --no-owner --dbname=${databaseUrlInShell(loaded)} ${quoted(file)}` +
    ' (into an empty database), then ./gatehouse restore --after-pg-restore'
  )
}

async function finish(config: Config, keepSessions: boolean): Promise<CommandResult> {
  const { isEmpty } = await inspectDatabase(config.DATABASE_URL)
  if (isEmpty) throw new Error('The database is empty: pg_restore comes first')
  const { store } = await openStore(config.DATABASE_URL, () => {})
  try {
    refuseWithoutMasterKey(await store.signingKeys.list(), config)
    const sessionsEnded = await invalidateAfterRestore(store, Date.now(), operator.caller, { keepSessions })
    return { text: sessionsText(keepSessions, sessionsEnded), json: { sessionsEnded } }
  } finally {
    await store.close()
  }
}

function sessionsText(kept: boolean, ended: number): string {
  return kept ? 'Sessions go on as they were.' : `${ended} sessions ended: everybody signs in again.`
}

function lockDatabase({ DATABASE_URL }: Config) {
  try {
    return acquireServiceLock(DATABASE_URL)
  } catch (error) {
    const { cause } = error as Problem
    if (!(cause instanceof Error)) throw error
    throw new Error(`${cause.message}. Stop the service, restore, and start it again.`)
  }
}

async function putInPlace(
  file: string,
  path: string,
  config: Config,
  keepSessions: boolean
): Promise<CommandResult> {
  const now = Date.now()
  let sessionsEnded = 0
  let isCarried = true
  const { facts, replaced } = await restoreDatabase(file, path, {
    now,
    admit: ({ signingKeys }) => refuseWithoutMasterKey(signingKeys, config),
    async prepare(draft) {
      sessionsEnded = await settle(draft, now, keepSessions)
      isCarried = carryRevocations(path, draft, { now, expiresAt: lastTokenExpiry(now), keepSessions })
    }
  })
  const { users } = facts
  const lines = [
    `Restored ${file}: ${users} ${users === 1 ? 'user' : 'users'}.`,
    sessionsText(keepSessions, sessionsEnded),
    ...(isCarried ? [] : [UNREADABLE]),
    ...(replaced ? [`What was there before is ${replaced}.`] : [])
  ]
  return { text: lines.join('\n'), json: { file, users, sessionsEnded, replaced: replaced ?? null } }
}

async function settle(draft: string, now: number, keepSessions: boolean): Promise<number> {
  const { store } = await openStore(`file:${draft}`, () => {})
  try {
    return await invalidateAfterRestore(store, now, operator.caller, { keepSessions })
  } finally {
    await store.close()
  }
}

// Throws a MasterKeyError before the database is replaced: without the right master key, no user could sign in.
function refuseWithoutMasterKey(signingKeys: SealedKey[], config: Config): void {
  if (signingKeys.length === 0) return
  const { AUTH_MASTER_KEY, AUTH_DATA_DIR } = config
  const masterKey = masterKeyIn(AUTH_MASTER_KEY, AUTH_DATA_DIR)
  const { signingKeyWrap } = keysOf(masterKey, config)
  const closed = unopened(signingKeys, signingKeyWrap).map(({ kid }) => kid)
  if (closed.length === 0) return
  const where = AUTH_MASTER_KEY ? 'AUTH_MASTER_KEY' : masterKeyPath(AUTH_DATA_DIR)
  throw new MasterKeyError(
    `The master key of ${where} does not open the signing keys of this backup (${closed.join(', ')}): ` +
      'put the one there that was in force when it was made'
  )
}

function masterKeyIn(configured: string, dataDirectory: string): Buffer {
  try {
    return readMasterKey(configured, dataDirectory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw missingMasterKey(dataDirectory, 'this backup')
  }
}
