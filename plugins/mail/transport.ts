import nodemailer, { type NodemailerError } from 'nodemailer'
import { PermanentFailure } from '../../domain/mail/delivery.ts'
import type { Mail } from '../../domain/mail/messages.ts'
import type { Config } from '../../domain/settings/config.ts'
import { mailRoute, type SmtpServer, smtpServerOf } from '../../domain/settings/mail.ts'

/** Takes a mail to its recipient. `send` throws a PermanentFailure if no further attempt can succeed. */
export interface MailTransport {
  send(mail: Mail): Promise<void>
  close(): void
}

/** Milliseconds. All of them together are less than the lease of a message. */
const TIMEOUTS = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 20_000
}
const LONGEST_ATTEMPT = 120_000
/** What the server says about the recipient or the mail, and not about the connection. */
const ABOUT_THE_MAIL = ['EENVELOPE', 'EMESSAGE']

/** Returns the transport of a configuration, or undefined if it sends no mail. */
export function transportOf(config: Config): MailTransport | undefined {
  switch (mailRoute(config)) {
    case 'smtp':
      return smtpTransport(smtpServerOf(config.AUTH_SMTP_URL) as SmtpServer, config.AUTH_MAIL_FROM)
    case 'output':
      return outputTransport()
    case 'none':
      return undefined
  }
}

/** Connects and signs in. Throws an Error if the server does not let Gatehouse in. */
export async function trySmtpServer(server: SmtpServer): Promise<void> {
  const transporter = nodemailer.createTransport(smtpOptions(server))
  await transporter.verify().finally(() => transporter.close())
}

/** Options of nodemailer for a server: no mail may read files or addresses of its own. */
function smtpOptions({ host, port, implicitTls, requireTls, auth }: SmtpServer) {
  return {
    host,
    port,
    secure: implicitTls,
    requireTLS: requireTls,
    ...(auth && { auth }),
    ...TIMEOUTS,
    disableFileAccess: true,
    disableUrlAccess: true
  }
}

function smtpTransport(server: SmtpServer, from: string): MailTransport {
  const transporter = nodemailer.createTransport({ ...smtpOptions(server), pool: true, maxConnections: 4 })
  return {
    async send({ to, subject, text, html }) {
      const headers = { 'Auto-Submitted': 'auto-generated' }
      try {
        await withinTime(
          transporter.sendMail({ from, to: { name: '', address: to }, subject, text, html, headers })
        )
      } catch (error) {
        throw isFinal(error as NodemailerError) ? new PermanentFailure((error as Error).message) : error
      }
    },
    close: () => transporter.close()
  }
}

// A server that answers byte by byte never runs into the time-outs of the connection.
async function withinTime(sending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the SMTP server took too long')), LONGEST_ATTEMPT)
  })
  await Promise.race([sending, late]).finally(() => clearTimeout(timer))
}

// 5xx is a permanent refusal (RFC 5321 §4.2.1). One of the sign-in at the server concerns the settings, and may be mended.
function isFinal({ code, responseCode = 0 }: NodemailerError): boolean {
  return ABOUT_THE_MAIL.includes(code ?? '') && responseCode >= 500
}

// For development, as the link of the first administrator.
function outputTransport(): MailTransport {
  return {
    async send({ to, subject, text }) {
      const line = { level: 'info', time: new Date().toISOString(), msg: 'mail', to, subject, text }
      const block = `\n  Mail to ${to}: ${subject}\n\n${text.trimEnd().replace(/^/gm, '    ')}\n\n`
      process.stdout.write(process.stdout.isTTY ? block : `${JSON.stringify(line)}\n`)
    },
    close: () => {}
  }
}
