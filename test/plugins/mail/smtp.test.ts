import { createServer, type Socket } from 'node:net'
import t from 'tap'
import { PermanentFailure } from '../../../domain/mail/delivery.ts'
import { loadSettings } from '../../../domain/settings/settings.ts'
import { type MailTransport, transportOf } from '../../../plugins/mail/transport.ts'
import type { Teardown } from '../../harness/build.ts'
import { certificates } from '../../harness/certificate.ts'
import { startSmtpServer } from '../../harness/smtp.ts'

const mail = { to: 'ada@example.com', subject: 'Grüße', text: 'Hallo', html: '<p>Hallo</p>' }

function transport(t: Teardown, url: string): MailTransport {
  const env = { AUTH_SMTP_URL: url, AUTH_MAIL_FROM: 'Example <no-reply@example.com>' }
  const made = transportOf(loadSettings(env, () => '').config) as MailTransport
  t.teardown(() => made.close())
  return made
}

t.test('a mail arrives as text and HTML, from the sender of the settings, marked as automatic', async (t) => {
  const { url, received } = await startSmtpServer(t)
  await transport(t, url).send(mail)
  t.match(received, [{ from: 'no-reply@example.com', to: ['ada@example.com'] }])
  const [{ message } = { message: '' }] = received
  t.match(message, /^From: Example <no-reply@example.com>$/m)
  t.match(message, /^To: ada@example.com$/m)
  t.match(message, /^Auto-Submitted: auto-generated$/m)
  t.match(message, /^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=$/m)
  t.match(message, /^Content-Type: text\/plain/m)
  t.match(message, /^Content-Type: text\/html/m)
})

t.test('user and password of the URL sign in at the server', async (t) => {
  const { url, received } = await startSmtpServer(t, {
    authOptional: false,
    allowInsecureAuth: true,
    onAuth({ username = '', password }, _session, callback) {
      if (username === 'us@er' && password === 'p:a/s%s') callback(null, { user: username })
      else callback(new Error('535 no'))
    }
  })
  const withUser = url.replace('//', '//us%40er:p%3Aa%2Fs%25s@')
  await transport(t, withUser).send(mail)
  t.match(received, [{ user: 'us@er' }])
})

t.test('a recipient cannot add a header or another recipient', async (t) => {
  const { url, received } = await startSmtpServer(t)
  for (const to of ['ada@example.com\r\nBcc: eve@example.com', 'ada@example.com, eve@example.com'])
    await transport(t, url)
      .send({ ...mail, to })
      .catch(() => {})
  t.notMatch(
    received.flatMap((each) => each.to),
    ['eve@example.com']
  )
  t.notMatch(received.map(({ message }) => message).join(), /^Bcc/m)
})

t.test('a refusal of the recipient is final, a temporary one is not', async (t) => {
  for (const [code, isFinal] of [
    [550, true],
    [451, false]
  ] as const) {
    const { url } = await startSmtpServer(t, {
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error('no'), { responseCode: code }))
    })
    const error = await transport(t, url)
      .send(mail)
      .then(
        () => undefined,
        (reason: unknown) => reason
      )
    t.equal(error instanceof PermanentFailure, isFinal, String(code))
    t.ok(error instanceof Error)
  }
})

t.test('a wrong password of the settings is not final, because it can be mended', async (t) => {
  const { url } = await startSmtpServer(t, {
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, callback) => callback(Object.assign(new Error('no'), { responseCode: 535 }))
  })
  const error = await transport(t, url.replace('//', '//a:b@'))
    .send(mail)
    .catch((reason: unknown) => reason)
  t.ok(error instanceof Error)
  t.notOk(error instanceof PermanentFailure)
})

t.test(
  'a server that is not on this machine must offer STARTTLS, unless the URL says otherwise',
  async (t) => {
    const { url, received } = await startSmtpServer(t)
    // Leads to this machine, and is no loopback address.
    const elsewhere = url.replace('127.0.0.1', '0.0.0.0')
    await t.rejects(transport(t, elsewhere).send(mail), { code: 'ETLS' })
    t.strictSame(received, [])
    await transport(t, `${elsewhere}?tls=off`).send(mail)
    t.equal(received.length, 1)
  }
)

t.test(
  'a server whose certificate nobody vouches for gets no mail',
  { skip: certificates.missing },
  async (t) => {
    const { cert, key } = await certificates.make(t, 1)
    const { url, received } = await startSmtpServer(t, { disabledCommands: [], cert, key })
    await t.rejects(transport(t, url.replace('127.0.0.1', '0.0.0.0')).send(mail), /self-signed certificate/)
    t.strictSame(received, [])
  }
)

t.test('a server that drops the connection, or is not there, is tried again later', async (t) => {
  const sockets = new Set<Socket>()
  const dropping = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).end('220 hello\r\n')
  })
  await new Promise<void>((resolve) => dropping.listen(0, '127.0.0.1', resolve))
  t.teardown(() => dropping.close())
  const { port } = dropping.address() as { port: number }
  for (const url of [`smtp://127.0.0.1:${port}`, 'smtp://127.0.0.1:1']) {
    const error = await transport(t, url)
      .send(mail)
      .catch((reason: unknown) => reason)
    t.ok(error instanceof Error, url)
    t.notOk(error instanceof PermanentFailure)
  }
})
