import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Teardown } from './build.ts'

/** A mail as the server received it: the envelope, and the message with its headers. */
export interface ReceivedMail {
  from: string
  to: string[]
  message: string
  secure: boolean
  user: string | undefined
}

export interface SmtpHarness {
  url: string
  received: ReceivedMail[]
}

/** Starts a real SMTP server on a port of its own. By default it offers neither TLS nor authentication. */
export async function startSmtpServer(t: Teardown, options: SMTPServerOptions = {}): Promise<SmtpHarness> {
  const received: ReceivedMail[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    logger: false,
    async onData(stream, session, callback) {
      const message = await text(stream)
      const { mailFrom, rcptTo } = session.envelope
      received.push({
        from: mailFrom ? mailFrom.address : '',
        to: rcptTo.map(({ address }) => address),
        message,
        secure: session.secure,
        user: session.user
      })
      callback()
    },
    ...options
  })
  // A client that breaks off is part of some tests.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  return { url: `smtp://127.0.0.1:${port}`, received }
}
