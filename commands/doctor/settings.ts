import type { Check } from './checkup.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const ADVICE: Record<string, string> = {
  HOST: 'Give AUTH_ISSUER the https address that people use, or leave HOST out.',
  AUTH_TRUST_PROXY: 'Name the address of your reverse proxy, or the narrow range that it is in.',
  DATABASE_URL: 'Use a password and sslmode=verify-full: docs/operations.md, PostgreSQL.',
  REDIS_URL: 'Set requirepass in Valkey, and put the password into the URL or into REDIS_URL_FILE.',
  AUTH_KEY_ROTATION: 'Set it to a day or more; 30d is the default.'
}
const CLOSE = 'Run chmod o-rwx on it; for a secret of Kubernetes set defaultMode: 0440.'
const REMOVE = 'Remove the setting: its default is safe.'

/** Settings whose warnings belong to a check with a name of theirs. */
const CHECKED_ELSEWHERE = ['AUTH_TRUST_PROXY', 'AUTH_ALLOWED_ORIGINS']

/** Checks the settings, by the faults and warnings of loading them. */
export function settingsCheck(faults: string[], warnings: string[]): Check {
  const own = warnings.filter((warning) => !CHECKED_ELSEWHERE.includes(nameIn(warning)))
  return {
    name: 'settings',
    needs: [],
    look: () => settingFindings(faults, own),
    advice: 'Correct the settings.'
  }
}

/** Turns faults and warnings into findings. Each begins with the name of its setting. */
function settingFindings(faults: string[], warnings: string[]): Finding[] {
  const findings = [
    ...faults.map((fault) =>
      error(fault, `Correct ${nameIn(fault)} or remove it; docs/operations.md lists what there is.`)
    ),
    ...warnings.map((each) => warning(each, adviceOn(nameIn(each))))
  ]
  return findings.length > 0 ? findings : [ok('All settings are well-formed')]
}

function adviceOn(name: string): string {
  return name.endsWith('_FILE') ? CLOSE : (ADVICE[name] ?? REMOVE)
}

/** Returns the setting that a fault is about. */
export function nameIn(fault: string): string {
  return fault.split(' ', 1)[0] as string
}
