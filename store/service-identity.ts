import type { Kysely } from 'kysely'
import type { ServiceIdentityRepository } from '../domain/model/service-identity.ts'
import type { Tables } from './tables.ts'

/** The table has one row. */
const ID = 1

export function createServiceIdentityRepository(db: Kysely<Tables>): ServiceIdentityRepository {
  return {
    find: () => db.selectFrom('service_identity').select(['issuer', 'audience']).executeTakeFirst(),

    async save(identity) {
      await db
        .insertInto('service_identity')
        .values({ id: ID, ...identity })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(identity))
        .execute()
    }
  }
}
