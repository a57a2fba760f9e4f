import type { LoadedSettings } from '../domain/settings/settings.ts'

/** How a shell is told where the database is, without the password in the command. */
export function databaseUrlInShell({ sources }: LoadedSettings): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
  return sources.DATABASE_URL === 'file' ? '"$(cat "$DATABASE_URL_FILE")"' : '"${DATABASE_URL:?}"'
}

/** A word as a shell takes it for one. */
export function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
