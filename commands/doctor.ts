import { readFileSync, statSync } from 'node:fs'
import { readSettings } from '../domain/settings/settings.ts'
import type { Command } from './command.ts'
import { checksOf } from './doctor/checks.ts'
import { type Check, examine, type NamedFinding } from './doctor/checkup.ts'
import { lookAtDatabase } from './doctor/look-at-database.ts'
import { nameIn, settingFindings } from './doctor/settings.ts'

const EX_CONFIG = 78
/** Milliseconds for each look. */
const LIMIT = 3000

/** `gatehouse doctor`: what is wrong with this installation, and what to do. */
export const doctor: Command = {
  name: 'doctor',
  usage: '',
  summary: 'look for what is wrong with this installation, and say what to do; changes nothing',
  words: 0,
  options: {},
  async run() {
    const { config, faults, warnings } = readSettings(
      process.env,
      (path) => readFileSync(path, 'utf8'),
      (path) => statSync(path).mode
    )
    const settings: Check = {
      name: 'settings',
      needs: [],
      look: () => settingFindings(faults, warnings.filter(isOfSettingsAlone)),
      advice: 'Correct the settings.'
    }
    const checks = [settings, ...checksOf(config, lookAtDatabase(config))]
    const findings = await examine(checks, faults.map(nameIn), LIMIT)
    const errors = findings.filter(({ severity }) => severity === 'error').length
    return {
      text: [...findings.map(lineOf), '', summaryOf(findings)].join('\n'),
      json: { findings },
      exitCode: faults.length > 0 ? EX_CONFIG : Math.min(errors, 1)
    }
  }
}

// Those of proxies and cookies have checks of their own.
const isOfSettingsAlone = (warning: string) =>
  !['AUTH_TRUST_PROXY', 'AUTH_ALLOWED_ORIGINS'].includes(nameIn(warning))

function lineOf({ severity, check, message, advice }: NamedFinding): string {
  const margin = `${severity.padEnd(9)}${check.padEnd(13)}`
  return [margin + message, ...(advice ? [' '.repeat(margin.length) + advice] : [])].join('\n')
}

function summaryOf(findings: NamedFinding[]): string {
  const count = (wanted: string) => findings.filter(({ severity }) => severity === wanted).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (errors + warnings === 0) return 'Nothing is wrong.'
  return `${errors} ${errors === 1 ? 'error' : 'errors'}, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`
}
