import type { Dialect } from 'kysely'
import type { StoreLoad } from '../domain/model/store.ts'

/** The adapter of one engine: how Kysely talks to it, and how busy it is. */
export interface EngineDialect extends Dialect {
  load(): StoreLoad
}
