import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The grants of a machine client, and for whom the actor of an audit event acted. */
export const authority: Migration = {
  async up(db: Kysely<unknown>) {
    // Least privilege: a client that exchanges tokens is given that grant by an administrator.
    await db.schema
      .alterTable('clients')
      .addColumn('grants', 'text', (column) => column.notNull().defaultTo('client_credentials'))
      .execute()
    await db.schema.alterTable('audit_events').addColumn('on_behalf_of', 'text').execute()
    // Partial: few events have one.
    await sql`create index audit_events_by_on_behalf_of on audit_events (on_behalf_of, id)
      where on_behalf_of is not null`.execute(db)
  },

  async down({ schema }: Kysely<unknown>) {
    await schema.dropIndex('audit_events_by_on_behalf_of').execute()
    await schema.alterTable('audit_events').dropColumn('on_behalf_of').execute()
    await schema.alterTable('clients').dropColumn('grants').execute()
  }
}
