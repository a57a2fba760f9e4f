import { settings } from '../settings.ts'
import { openStore } from '../store/index.ts'
import type { Command } from './command.ts'

/** `gatehouse migrate`: brings the database schema up to date without starting the service. */
export const migrate: Command = {
  name: 'migrate',
  usage: '',
  summary: 'bring the database schema up to date',
  words: 0,
  options: {},
  async run() {
    const { config } = settings()
    const { store, migrated } = await openStore(config.DATABASE_URL, () => {})
    await store.close()
    return {
      text: migrated.length === 0 ? 'The database is up to date.' : `Migrated: ${migrated.join(', ')}`,
      json: { migrated }
    }
  }
}
