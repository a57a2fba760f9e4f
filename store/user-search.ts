import { type Kysely, sql } from 'kysely'
import { foldedEmail, foldedText } from '../domain/accounts/search-text.ts'
import type { Tables } from './tables.ts'

const BATCH = 500

/**
 * Fills the texts that a search compares, for accounts of an earlier version, in batches. It runs at every start, because an
 * instance of an earlier version may still serve after the migration.
 */
export async function fillUserSearch(db: Kysely<Tables>): Promise<void> {
  let filled: number
  do filled = await fillBatch(db)
  while (filled === BATCH)
}

async function fillBatch(db: Kysely<Tables>): Promise<number> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'email', 'name'])
    .where('folded_email', 'is', null)
    .orderBy('id')
    .limit(BATCH)
    .execute()
  if (rows.length === 0) return 0
  const folded = rows.map(({ id, email, name }) => sql`(${id}, ${foldedEmail(email)}, ${foldedName(name)})`)
  await sql`with folded (id, email, name) as (values ${sql.join(folded)})
    update users set folded_email = folded.email, folded_name = folded.name
    from folded where users.id = folded.id and users.folded_email is null`.execute(db)
  return rows.length
}

export function foldedName(name: string | null): string | null {
  return name === null ? null : foldedText(name)
}
