import { masterKeyPath } from '../domain/keys/master-key.ts'
import type { Config } from '../domain/settings/config.ts'
import { settings } from '../settings.ts'
import { backUpDatabase } from '../store/sqlite/backup.ts'
import { sqlitePathOf } from '../store/sqlite/path.ts'
import { type Command, UsageError } from './command.ts'
import { databaseUrlInShell, quoted } from './postgres-command.ts'
import { sizeText } from './size-text.ts'

/** `gatehouse backup`: copies the embedded database to one file, while the service runs. */
export const backup: Command = {
  name: 'backup',
  usage: 'FILE',
  summary: 'copy the embedded database to a new file while the service runs, and check the copy',
  words: 1,
  options: {},
  async run(_values, [file]) {
    if (!file) throw new UsageError('FILE is needed: the backup to write')
    const loaded = settings()
    const path = sqlitePathOf(loaded.config.DATABASE_URL)
    if (path === undefined) {
      throw new Error(
        `PostgreSQL has a program for this: pg_dump --format=custom --file=${quoted(file)} ${databaseUrlInShell(loaded)}`
      )
    }
    const { bytes, users } = backUpDatabase(path, file)
    const masterKey = whereMasterKeyIs(loaded.config)
    return {
      text: [
        `${file}: ${sizeText(bytes)}, ${users} ${users === 1 ? 'user' : 'users'}, written and checked.`,
        `The backup does not hold the master key, without which no user can sign in: keep ${masterKey} as well, in another place.`
      ].join('\n'),
      json: { file, bytes, users, masterKey }
    }
  }
}

function whereMasterKeyIs({ AUTH_MASTER_KEY, AUTH_DATA_DIR }: Config): string {
  return AUTH_MASTER_KEY ? 'the setting AUTH_MASTER_KEY' : masterKeyPath(AUTH_DATA_DIR)
}
