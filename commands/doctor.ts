import { styleText } from 'node:util'
import type { Config } from '../domain/settings/config.ts'
import { settingsAndFaults } from '../settings.ts'
import type { Command } from './command.ts'
import { type Check, examine, type NamedFinding } from './doctor/checkup.ts'
import { clockCheck } from './doctor/clock.ts'
import { cookiesCheck } from './doctor/cookies.ts'
import { dataFolderCheck } from './doctor/data-folder.ts'
import { databaseCheck, readDatabase } from './doctor/database.ts'
import { diskCheck } from './doctor/disk.ts'
import { issuerCheck } from './doctor/issuer.ts'
import { keysCheck } from './doctor/keys.ts'
import { mailCheck } from './doctor/mail.ts'
import { migrationsCheck } from './doctor/migrations.ts'
import { nodeCheck } from './doctor/node.ts'
import { passwordsCheck } from './doctor/passwords.ts'
import { proxiesCheck } from './doctor/proxies.ts'
import { nameIn, settingsCheck } from './doctor/settings.ts'
import { valkeyCheck } from './doctor/valkey.ts'

const EX_CONFIG = 78
const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const
/** Milliseconds for each check. */
const LIMIT = 3000

/** `gatehouse doctor`: looks for what is wrong with this installation, and says what to do. */
export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'look for what is wrong with this installation, and say what to do; changes nothing',
  words: 0,
  options: {},
  async run() {
    const { config, faults, warnings } = settingsAndFaults()
    const checks = [settingsCheck(faults, warnings), ...checksOf(config)]
    const findings = await examine(checks, faults.map(nameIn), LIMIT)
    const errors = findings.filter(({ severity }) => severity === 'error').length
    return {
      text: [...findings.map(lineOf), '', summaryOf(findings)].join('\n'),
      json: { findings },
      exitCode: faults.length > 0 ? EX_CONFIG : Math.min(errors, 1)
    }
  }
}

/** Lists the checks besides that of the settings, in the order of the report. */
function checksOf(config: Config): Check[] {
  const database = readDatabase(config)
  return [
    nodeCheck(),
    dataFolderCheck(config),
    diskCheck(config),
    databaseCheck(database, config),
    migrationsCheck(database),
    clockCheck(database),
    keysCheck(database, config),
    valkeyCheck(config),
    mailCheck(config),
    proxiesCheck(config),
    passwordsCheck(config),
    cookiesCheck(config),
    issuerCheck(config, database)
  ]
}

function lineOf({ severity, check, message, advice }: NamedFinding): string {
  const [state, name] = [severity.padEnd(9), check.padEnd(13)]
  const first = `${styleText(COLOURS[severity], state)}${name}${message}`
  return [first, ...(advice ? [' '.repeat(state.length + name.length) + advice] : [])].join('\n')
}

function summaryOf(findings: NamedFinding[]): string {
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return 'Nothing is wrong.'
  return `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`
}
