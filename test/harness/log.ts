import { PassThrough } from 'node:stream'

/** One line of the log. pino's levels: 30 is info, 40 warn, 50 error. */
export interface LogLine {
  level: number
  msg: string
  reason?: string
}

/** A log that a test reads: pass `logger` to `build`, and look into `lines` after it. */
export function captureLog() {
  const lines: LogLine[] = []
  const stream = new PassThrough()
  stream.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.trim().split('\n')) lines.push(JSON.parse(line))
  })
  return { logger: { level: 'info', stream }, lines }
}

/** What was said by lines that begin so: `warn Valkey is lost`, in their order. */
export function said(lines: LogLine[], beginning: string): string[] {
  const chosen = lines.filter(({ msg }) => msg.startsWith(beginning))
  return chosen.map(({ level, msg }) => `${level >= 40 ? 'warn' : 'info'} ${msg}`)
}
