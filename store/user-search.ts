import { type Kysely, sql } from 'kysely'
import { foldedEmail, foldedText } from '../domain/accounts/search-text.ts'
import type { Tables } from './tables.ts'

const BATCH = 500

/**
 * Fills the texts that a search compares, for accounts of an earlier version, in batches. It runs at every start, because an
 * instance of an earlier version may still serve after the migration.
 */
export async function fillUserSearch(db: Kysely<Tables>): Promise<void> {
  let last: string | undefined = ''
  while (last !== undefined) last = await fillBatch(db, last)
}

// Returns the last id of a batch, after which the next one begins; undefined if nothing was left.
async function fillBatch(db: Kysely<Tables>, after: string): Promise<string | undefined> {
  const rows = await db
    .selectFrom('users')
    .select(['id', 'email', 'name'])
    .where('folded_email', 'is', null)
    .where('id', '>', after)
    .orderBy('id')
    .limit(BATCH)
    .execute()
  const last = rows.at(-1)?.id
  if (last === undefined) return undefined
  const folded = rows.map(({ id, email, name }) => sql`(${id}, ${foldedEmail(email)}, ${foldedName(name)})`)
  // The bounds keep PostgreSQL from reading the whole table for each batch.
  await sql`with folded (id, email, name) as (values ${sql.join(folded)})
    update users set folded_email = folded.email, folded_name = folded.name from folded
    where users.id = folded.id and users.folded_email is null and users.id > ${after} and users.id <= ${last}`.execute(
    db
  )
  return last
}

export function foldedName(name: string | null): string | null {
  return name === null ? null : foldedText(name)
}
