import type { Config } from './config.ts'
import { isLoopback } from './loopback.ts'

/** How mail leaves: over SMTP, onto the standard output of the service, or not at all. */
export type MailRoute = 'smtp' | 'output' | 'none'

type MailConfig = Pick<Config, 'AUTH_SMTP_URL' | 'AUTH_ISSUER'>

/** Returns how mail leaves. Without an SMTP server, a service on a loopback address prints it, for development. */
export function mailRoute({ AUTH_SMTP_URL, AUTH_ISSUER }: MailConfig): MailRoute {
  if (AUTH_SMTP_URL) return 'smtp'
  return isLoopback(URL.parse(AUTH_ISSUER)?.hostname ?? '') ? 'output' : 'none'
}

/** An SMTP server, as `AUTH_SMTP_URL` names it. */
export interface SmtpServer {
  host: string
  port: number
  /** TLS from the first byte (RFC 8314 §3.3). */
  implicitTls: boolean
  /** Refuses a server that does not offer STARTTLS (RFC 3207). */
  requireTls: boolean
  auth: { user: string; pass: string } | undefined
}

const PORTS = { 'smtp:': 587, 'smtps:': 465 }

/**
 * Reads `smtp://user:password@host:587` or `smtps://…`. `?tls=off` allows a server without TLS; on a loopback address none is
 * needed. Returns undefined if the text is not such a URL.
 */
export function smtpServerOf(text: string): SmtpServer | undefined {
  const url = URL.parse(text)
  if (!url || !(url.protocol === 'smtp:' || url.protocol === 'smtps:') || url.hostname === '')
    return undefined
  const rest = [...url.searchParams].filter(([name, value]) => name !== 'tls' || value !== 'off')
  if (rest.length > 0 || !['', '/'].includes(url.pathname) || url.hash) return undefined
  try {
    const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const implicitTls = url.protocol === 'smtps:'
    return {
      host,
      port: Number(url.port) || PORTS[url.protocol],
      implicitTls,
      requireTls: !(implicitTls || isLoopback(url.hostname) || url.searchParams.has('tls')),
      auth: user ? { user, pass } : undefined
    }
  } catch {
    return undefined
  }
}

/** Returns the faults of the settings of mail. */
export function mailFaults({ AUTH_SMTP_URL, AUTH_MAIL_FROM }: Config): string[] {
  const faults: string[] = []
  if (AUTH_SMTP_URL && !smtpServerOf(AUTH_SMTP_URL))
    faults.push(
      'AUTH_SMTP_URL must be smtp://user:password@host:port or smtps://…, with special characters percent-encoded'
    )
  if (AUTH_SMTP_URL && !AUTH_MAIL_FROM) faults.push('AUTH_MAIL_FROM is needed with AUTH_SMTP_URL')
  if (AUTH_MAIL_FROM && !isSender(AUTH_MAIL_FROM))
    faults.push(
      'AUTH_MAIL_FROM must be an address, or a name with an address: Example <no-reply@example.com>'
    )
  return faults
}

function isSender(text: string): boolean {
  const [, address = text] = /^[^<>"\r\n]+ <([^<>]+)>$/.exec(text) ?? []
  return /^[^\s<>"',;:@]+@[^\s<>"',;:@]+$/.test(address)
}
