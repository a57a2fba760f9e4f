import { error, type Finding, ok, warning } from './finding.ts'

const MEND: Record<string, string> = {
  HOST: 'Give AUTH_ISSUER the https address that people use, or leave HOST out.',
  AUTH_TRUST_PROXY: 'Name the address of your reverse proxy, or the narrow range that it is in.',
  AUTH_KEY_ROTATION: 'Set it to a day or more; 30d is the default.'
}
const REMOVE = 'Remove the setting: its default is safe.'

/** What is wrong or weak in the settings, by what loading them says of it: lines that begin with a setting's name. */
export function settingFindings(faults: string[], warnings: string[]): Finding[] {
  const findings = [
    ...faults.map((fault) =>
      error(fault, `Correct ${nameIn(fault)} or remove it; docs/operations.md lists what there is.`)
    ),
    ...warnings.map((each) => warning(each, MEND[nameIn(each)] ?? REMOVE))
  ]
  return findings.length > 0 ? findings : [ok('All settings are well-formed')]
}

/** The setting that a fault is about. */
export function nameIn(fault: string): string {
  return fault.split(' ', 1)[0] as string
}
