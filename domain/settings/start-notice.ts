import type { OneTimeLink } from '../one-time-tokens.ts'
import type { Config } from './config.ts'
import { mailRoute, smtpServerOf } from './mail.ts'

/** The facts that Gatehouse prints for the operator once it listens. */
export interface StartNotice {
  url: string
  /** The address on which it listens, for the reverse proxy's configuration. */
  listens: string
  docs: string | undefined
  database: 'sqlite' | 'postgres'
  mode: 'https' | 'http on loopback'
  /** Where mail goes. */
  mail: string
  warnings: string[]
  /** The one-time link that makes the first administrator, while there is none. */
  setup: string | undefined
}

export function startNotice(
  config: Config,
  database: StartNotice['database'],
  warnings: string[],
  link: OneTimeLink | undefined
): StartNotice {
  return {
    url: config.AUTH_ISSUER,
    listens: `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${config.PORT}`,
    docs: config.AUTH_DOCS === 'on' ? `${config.AUTH_ISSUER}/docs` : undefined,
    database,
    mode: config.secure ? 'https' : 'http on loopback',
    mail: mailText(config),
    warnings,
    setup: link?.url
  }
}

/** Returns the notice as one block of text, for a terminal. */
export function renderStartNotice(notice: StartNotice): string {
  const { url, listens, docs, database, mode, mail, warnings, setup } = notice
  const rows: Array<[string, string]> = [
    ['Gatehouse', url],
    ['Listens on', listens],
    ...(docs ? [['API reference', docs] as [string, string]] : []),
    ['Database', database],
    ['Mode', mode],
    ['Mail', mail],
    ...warnings.map((warning): [string, string] => ['Warning', warning]),
    ...(setup
      ? [['First administrator', `${setup}\n${' '.repeat(23)}(works once, for 24 hours)`] as [string, string]]
      : [])
  ]
  return `\n${rows.map(([label, value]) => `  ${label.padEnd(21)}${value}`).join('\n')}\n\n`
}

function mailText(config: Config): string {
  const { host, port } = smtpServerOf(config.AUTH_SMTP_URL) ?? {}
  const texts = {
    smtp: `by ${host}:${port}`,
    output: 'is printed here',
    none: 'none: AUTH_SMTP_URL is not set'
  }
  return texts[mailRoute(config)]
}
