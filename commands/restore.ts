import { lastTokenExpiry } from '../domain/access-token.ts'
import type { Config } from '../domain/config.ts'
import type { Problem } from '../domain/errors.ts'
import { endEverySession } from '../domain/every-session.ts'
import { deriveKeys, MasterKeyError, masterKeyPath, readMasterKey } from '../domain/master-key.ts'
import { type SealedKey, unopened } from '../domain/signing-key.ts'
import { claimForService, openStore, sqlitePathOf } from '../store/index.ts'
import { carryRevocations, restoreDatabase } from '../store/sqlite/restore.ts'
import { type Command, type CommandResult, UsageError } from './command.ts'
import { databaseUrlInShell, quoted } from './postgres-command.ts'
import { settings } from './settings.ts'
import { operator } from './with-app.ts'

/** `gatehouse restore`: the embedded database becomes what a backup says. */
export const restore: Command = {
  name: 'restore',
  usage: 'FILE [--keep-sessions]',
  summary: 'put a backup in the place of the embedded database; everybody signs in again',
  words: 1,
  options: { 'keep-sessions': { type: 'boolean' } },
  async run(values, [file]) {
    if (!file) throw new UsageError('which file?')
    const loaded = settings()
    const { config } = loaded
    const path = sqlitePathOf(config.DATABASE_URL)
    if (path === undefined) {
      throw new Error(
        `PostgreSQL has a program for this: pg_restore --no-owner --dbname=${databaseUrlInShell(loaded)} ${quoted(file)}` +
          ' (into an empty database), then gatehouse sessions end --all'
      )
    }
    const claim = claimDatabase(config)
    try {
      return await putInPlace(file, path, config, values['keep-sessions'] === true)
    } finally {
      claim?.release()
    }
  }
}

function claimDatabase({ DATABASE_URL }: Config) {
  try {
    return claimForService(DATABASE_URL)
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
  let ended = 0
  const { facts, replaced } = await restoreDatabase(file, path, {
    now,
    admit: ({ signingKeys }) => refuseWithoutMasterKey(signingKeys, config),
    async prepare(draft) {
      if (keepSessions) return
      ended = await endWhatWasSignedIn(draft, now)
      carryRevocations(path, draft, now, lastTokenExpiry(now))
    }
  })
  const { users } = facts
  const lines = [
    `Restored ${file}: ${users} ${users === 1 ? 'user' : 'users'}.`,
    keepSessions ? 'Sessions go on as they were.' : `${ended} sessions ended: everybody signs in again.`,
    ...(replaced ? [`What was there before is ${replaced}.`] : [])
  ]
  return { text: lines.join('\n'), json: { file, users, sessionsEnded: ended, replaced: replaced ?? null } }
}

// Without it nobody could sign in: better to know before anything is put in place.
function refuseWithoutMasterKey(signingKeys: SealedKey[], config: Config): void {
  const { AUTH_MASTER_KEY, AUTH_MASTER_KEY_PREVIOUS: previous, AUTH_DATA_DIR } = config
  const where = AUTH_MASTER_KEY ? 'AUTH_MASTER_KEY' : masterKeyPath(AUTH_DATA_DIR)
  const wanted = 'the one that was in force when the backup was made'
  const masterKey = masterKeyIn(AUTH_MASTER_KEY, AUTH_DATA_DIR)
  if (!masterKey) throw new MasterKeyError(`There is no master key at ${where}: put ${wanted} there`)
  const { signingKeyWrap } = deriveKeys(masterKey, previous ? Buffer.from(previous, 'base64url') : undefined)
  const closed = unopened(signingKeys, signingKeyWrap).map(({ kid }) => kid)
  if (closed.length === 0) return
  throw new MasterKeyError(
    `The master key of ${where} does not open the signing keys of this backup (${closed.join(', ')}): put ${wanted} there`
  )
}

function masterKeyIn(configured: string, dataDirectory: string): Buffer | undefined {
  try {
    return readMasterKey(configured, dataDirectory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** In the draft: what was signed out since the backup was made lives at no moment again. */
async function endWhatWasSignedIn(draft: string, now: number): Promise<number> {
  const { store } = await openStore(`file:${draft}`, () => {})
  try {
    await store.oneTimeTokens.withdrawAll()
    return await endEverySession(store, now, 'database_restored', operator.caller)
  } finally {
    await store.close()
  }
}
