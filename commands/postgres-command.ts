import type { LoadedSettings } from '../domain/settings/settings.ts'

/** Returns the address of the database for a shell, without the password in the command. */
export function databaseUrlInShell({ sources }: LoadedSettings): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
  return sources.DATABASE_URL === 'file' ? '"$(cat "$DATABASE_URL_FILE")"' : '"${DATABASE_URL:?}"'
}

/** Quotes a word for a shell. */
export function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
