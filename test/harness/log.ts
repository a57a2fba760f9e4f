import { PassThrough } from 'node:stream'

/** One line of the log. */
export interface LogLine {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  msg: string
  reason?: string
  requestId?: string
  route?: string
  ip?: string
}

/** The log of production, for a test to read: pass `log` to `build`, and look into `lines` after it. */
export function captureLog() {
  const lines: LogLine[] = []
  const log = new PassThrough()
  log.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
  })
  return { log, lines }
}

/** What was said by lines that begin so: `warn Valkey is lost`, in their order. */
export function said(lines: LogLine[], beginning: string): string[] {
  const chosen = lines.filter(({ msg }) => msg.startsWith(beginning))
  return chosen.map(({ level, msg }) => `${level} ${msg}`)
}
