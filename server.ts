import './check-node.js'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import { Problem } from './domain/errors.ts'
import { MasterKeyError, masterKeyWarnings } from './domain/keys/master-key.ts'
import type { Config } from './domain/settings/config.ts'
import { recordIdentity } from './domain/settings/service-identity.ts'
import { SettingsError } from './domain/settings/settings.ts'
import { renderStartNotice, type StartNotice, startNotice } from './domain/settings/start-notice.ts'
import { readEnvFile, settings } from './settings.ts'
import { acquireServiceLock } from './store/index.ts'

const EX_CONFIG = 78
/** Milliseconds from a signal to the end of the process, and to the end of all connections. */
const GRACE = 8000
const LAST_BYTE = 7000

try {
  await start()
} catch (error) {
  process.stderr.write(`${readable(error)}\n`)
  process.exit(error instanceof SettingsError || error instanceof MasterKeyError ? EX_CONFIG : 1)
}

async function start(): Promise<void> {
  readEnvFile()
  const { config, warnings } = settings()
  const lock = acquireServiceLock(config.DATABASE_URL)
  let app: FastifyInstance | undefined
  closeWithGrace({ delay: GRACE, logger: false }, async ({ err, signal }) => {
    if (err) logFatal(err, app)
    // A client that never finishes its request delays the end no longer than this.
    setTimeout(() => app?.server.closeAllConnections(), LAST_BYTE).unref()
    if (signal === 'SIGTERM') await app?.draining.begin()
    await app?.close()
    lock?.release()
  })
  app = await buildApp(config)
  await app.signingKeys.applyRules()
  warnings.push(...(await recordIdentity(app.store, config)))
  const link = await app.accounts.firstAdministrator.issueLink()
  await listenQuietly(app, config)
  warnings.push(...masterKeyWarnings(config.AUTH_MASTER_KEY, config.AUTH_DATA_DIR))
  announce(startNotice(config, app.store.engine, warnings, link))
}

function logFatal(err: Error, app: FastifyInstance | undefined): void {
  if (app) app.log.fatal({ err }, 'stopped by an error')
  else process.stderr.write(`${readable(err)}\n`)
}

// Suppresses Fastify's line about the address, which the start notice repeats.
async function listenQuietly(app: FastifyInstance, { HOST, PORT, LOG_LEVEL }: Config): Promise<void> {
  app.log.level = 'warn'
  await app.metricsListener?.open()
  // `localhost` may be two addresses. Fastify closes the second one without waiting for requests in flight.
  await app.listen({ host: HOST === 'localhost' ? '127.0.0.1' : HOST, port: PORT })
  app.log.level = LOG_LEVEL
}

// Ignores the log level, because the notice has the link that makes the first administrator.
function announce(notice: StartNotice): void {
  const line = { level: 'info', time: new Date().toISOString(), msg: 'ready', ...notice }
  process.stdout.write(process.stdout.isTTY ? renderStartNotice(notice) : `${JSON.stringify(line)}\n`)
}

// Describes an error that the operator can correct in one line. Only an unexpected error comes with its stack.
function readable(error: unknown): string {
  if (error instanceof SettingsError || error instanceof MasterKeyError) return error.message
  if (error instanceof Problem) return `The database cannot be used: ${(error.cause as Error).message}`
  const { code, message, stack, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') return `PORT ${port} is in use by another program`
  if (code === 'EACCES' && port) return `PORT ${port} needs privileges that this process does not have`
  return code ? message : (stack ?? message)
}
