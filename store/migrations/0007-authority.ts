import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Adds the grants of a machine client, and the person for whom the actor of an audit event acted. */
export const authority: Migration = {
  async up(db: Kysely<unknown>) {
    // Least privilege: an administrator has to give a client the grant to exchange tokens.
    await db.schema
      .alterTable('clients')
      .addColumn('grants', 'text', (column) => column.notNull().defaultTo('client_credentials'))
      .execute()
    await db.schema.alterTable('audit_events').addColumn('on_behalf_of', 'text').execute()
    // A partial index, because few events have this column.
    await sql`create index audit_events_by_on_behalf_of on audit_events (on_behalf_of, id)
      where on_behalf_of is not null`.execute(db)
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropIndex('audit_events_by_on_behalf_of').execute()
    await schema.alterTable('audit_events').dropColumn('on_behalf_of').execute()
    await schema.alterTable('clients').dropColumn('grants').execute()
  }
}
