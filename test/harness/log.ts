import { PassThrough } from 'node:stream'

/** One line of the log. */
export interface LogLine {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  msg: string
  err?: { message: string }
  reason?: string
  advice?: string
  requestId?: string
  route?: string
  ip?: string
}

/** Captures the production log: pass `log` to `build`, and read `lines` afterwards. */
export function captureLog() {
  const lines: LogLine[] = []
  const log = new PassThrough()
  log.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
  })
  return { log, lines }
}

/** Returns the lines whose message starts with `beginning`, in order, as `warn Valkey is lost`. */
export function said(lines: LogLine[], beginning: string): string[] {
  const chosen = lines.filter(({ msg }) => msg.startsWith(beginning))
  return chosen.map(({ level, msg }) => `${level} ${msg}`)
}
