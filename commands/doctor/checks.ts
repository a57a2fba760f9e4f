import type { Config } from '../../domain/settings/config.ts'
import type { Check } from './checkup.ts'
import { cookieFindings } from './cookies.ts'
import { warning } from './finding.ts'
import { type DatabaseLook, lookAtClocks, lookAtEngine, lookAtMigrations } from './look-at-database.ts'
import { lookAtDataFolder, lookAtDisk } from './look-at-files.ts'
import { lookAtIssuer } from './look-at-issuer.ts'
import { activeKid, lookAtKeys } from './look-at-keys.ts'
import { passwordFindings } from './passwords.ts'
import { proxyFindings } from './proxies.ts'
import { runtimeFindings } from './runtime.ts'
import { lookAtValkey } from './valkey.ts'

const DATABASE = ['DATABASE_URL', 'AUTH_DATA_DIR']
const KEYS = ['AUTH_MASTER_KEY', 'AUTH_MASTER_KEY_PREVIOUS', 'AUTH_JWT_ALG', 'AUTH_KEY_ROTATION']

/** Everything that is looked at besides the settings. */
export function checksOf(config: Config, database: DatabaseLook): Check[] {
  return [
    {
      name: 'node',
      needs: [],
      look: () => runtimeFindings(process.versions.node, Date.now()),
      advice: 'Install a long-term release of Node.js.'
    },
    {
      name: 'data folder',
      needs: DATABASE,
      look: () => lookAtDataFolder(config),
      advice: 'Give AUTH_DATA_DIR to the user that runs Gatehouse.'
    },
    {
      name: 'disk',
      needs: DATABASE,
      look: () => lookAtDisk(config),
      advice: 'Look at the disk and its connection.'
    },
    {
      name: 'database',
      needs: DATABASE,
      look: () => lookAtEngine(database, config),
      advice: 'Start the database, or correct DATABASE_URL.'
    },
    {
      name: 'migrations',
      needs: DATABASE,
      look: () => lookAtMigrations(database),
      advice: 'Run gatehouse migrate.'
    },
    {
      name: 'clock',
      needs: DATABASE,
      look: () => lookAtClocks(database),
      advice: 'Run a time service on every machine.'
    },
    {
      name: 'keys',
      needs: [...DATABASE, ...KEYS],
      look: () => lookAtKeys(database, config),
      advice: 'Look at the master key.'
    },
    {
      name: 'valkey',
      needs: ['REDIS_URL'],
      look: (signal) => lookAtValkey(config.REDIS_URL, signal),
      advice: 'Start it, or correct REDIS_URL; until then limits are local and news slower.'
    },
    {
      name: 'proxies',
      needs: ['AUTH_ISSUER', 'AUTH_TRUST_PROXY'],
      look: () => proxyFindings(config),
      advice: 'Correct AUTH_TRUST_PROXY.'
    },
    {
      name: 'passwords',
      needs: ['AUTH_PASSWORD_MIN_LENGTH'],
      look: () => passwordFindings(config),
      advice: 'Correct AUTH_PASSWORD_MIN_LENGTH.'
    },
    {
      name: 'cookies',
      needs: ['AUTH_ISSUER', 'AUTH_ALLOWED_ORIGINS'],
      look: () => cookieFindings(config),
      advice: 'Correct AUTH_ALLOWED_ORIGINS.'
    },
    {
      name: 'issuer',
      needs: ['AUTH_ISSUER', 'PORT'],
      look: (signal) => lookAtIssuer(config.AUTH_ISSUER, activeKid(database), signal),
      advice: 'Start Gatehouse and its reverse proxy; if they run, look at DNS, port and firewall.',
      failure: warning
    }
  ]
}
