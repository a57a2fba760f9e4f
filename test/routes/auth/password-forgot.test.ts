import t from 'tap'
import type { Mail } from '../../../domain/mail/messages.ts'
import { build, password, type TestApp } from '../../harness/build.ts'
import { engines } from '../../harness/engines.ts'

const email = 'ada@example.com'
const newPassword = 'a staple for another horse'
const COOKIE = { name: 'recovery', path: '/', httpOnly: true, sameSite: 'Lax', maxAge: 3600 }
const INVALID = 'The one-time link is not valid or has been used.'

const tokenOf = (mail: Mail | undefined) => /#token=(\S+)/.exec(mail?.text ?? '')?.[1]
const codeOf = (mail: Mail | undefined) => /^ +(\w{4}-\w{4})$/m.exec(mail?.text ?? '')?.[1]

/** Asks for a link in a new browser, and returns that browser and the mail that followed, if any. */
async function forget({ app, browser, mails }: TestApp, address = email) {
  const window = browser()
  const sent = mails.length
  const reply = await window.post('/auth/password/forgot', { email: address })
  await app.deliverMail()
  return { window, reply, mail: mails[sent] }
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    t.test(
      'known, unknown and disabled addresses get the same reply, and only the first gets a mail',
      async (t) => {
        const service = await build(t, { engine })
        await service.signUp(email)
        await service.signUp('off@example.com')
        const off = await service.app.store.users.findByEmail('off@example.com')
        await service.app.store.users.setDisabled(off?.id ?? '', true)
        for (const address of [email, 'nobody@example.com', 'off@example.com']) {
          const { reply, mail } = await forget(service, address)
          t.equal(reply.status, 202)
          t.strictSame(reply.body, {})
          t.match(reply.cookies, [COOKIE])
          t.equal(reply.cookies.length, 1)
          t.match(reply.cookies[0]?.value, /^[\w-]{43}$/)
          t.equal(mail?.to, address === email ? email : undefined)
        }
        t.equal(await service.app.store.outbox.count(), 0, 'nothing waits')
      }
    )

    t.test(
      'the link sets a new password, ends every session, opens none and proves the address',
      async (t) => {
        const service = await build(t, { engine })
        const { app, browser, mails } = service
        const before = await service.signUp(email)
        const { mail } = await forget(service)
        t.match(mail, { to: email, subject: 'Choose a new password for localhost:3000' })
        t.match(mail?.html, `href="http://localhost:3000/auth/password/reset#token=${tokenOf(mail)}"`)

        const elsewhere = browser()
        const reply = await elsewhere.post('/auth/password/reset', {
          token: tokenOf(mail),
          password: newPassword
        })
        t.equal(reply.status, 204)
        t.strictSame(
          reply.cookies.map(({ name }) => name),
          ['device']
        )
        t.equal((await before.get('/auth/me')).status, 401)
        t.equal((await browser().post('/auth/login', { email, password })).status, 401)
        t.equal((await browser().post('/auth/login', { email, password: newPassword })).status, 200)
        t.equal((await app.store.users.findByEmail(email))?.emailVerified, true)

        await app.deliverMail()
        t.match(mails.at(-1), { to: email, subject: 'Your password for localhost:3000 was changed' })
      }
    )

    t.test('of a hundred uses of one link at once, one succeeds', async (t) => {
      const service = await build(t, { engine })
      await service.signUp(email)
      const { mail } = await forget(service)
      const token = tokenOf(mail)
      const replies = await Promise.all(
        Array.from({ length: 100 }, () =>
          service.browser().post('/auth/password/reset', { token, password: newPassword })
        )
      )
      const done = replies.filter(({ status }) => status === 204)
      t.equal(done.length, 1)
      for (const { status } of replies) t.ok([204, 400, 503].includes(status), String(status))
    })

    t.test('the code counts in the browser that asked, and in no other', async (t) => {
      const service = await build(t, { engine })
      await service.signUp(email)
      const { window, mail } = await forget(service)
      const code = codeOf(mail)
      const other = await service.browser().post('/auth/password/reset', { code, password: newPassword })
      t.match(other, { status: 400, body: { code: 'invalid_token', title: INVALID } })
      const typed = code?.replace('-', ' ').toLowerCase()
      t.equal((await window.post('/auth/password/reset', { code: typed, password: newPassword })).status, 204)
      t.equal((await window.post('/auth/password/reset', { code, password })).status, 400, 'once')
    })

    t.test('a code is void after five wrong tries, at once or one by one', async (t) => {
      const service = await build(t, { engine })
      await service.signUp(email)
      const { window, mail } = await forget(service)
      const guess = () => window.post('/auth/password/reset', { code: '0000-0000', password: newPassword })
      const guesses = await Promise.all(Array.from({ length: 5 }, guess))
      t.strictSame([...new Set(guesses.map(({ status }) => status))], [400])
      const right = { code: codeOf(mail), password: newPassword }
      t.equal((await window.post('/auth/password/reset', right)).status, 400)
      t.equal(
        (await window.post('/auth/password/reset', { token: tokenOf(mail), password: newPassword })).status,
        204,
        'the link still works'
      )
    })

    t.test(
      'what was mailed dies with a newer link, a new password, another address, and after an hour',
      async (t) => {
        const service = await build(t, { engine })
        const { app, browser, clock } = service
        await service.signUp(email)
        const refused = async (mail: Mail | undefined) => {
          const reply = await browser().post('/auth/password/reset', {
            token: tokenOf(mail),
            password: newPassword
          })
          t.match(reply, { status: 400, body: { code: 'invalid_token' } })
        }
        const first = await forget(service)
        const second = await forget(service)
        await refused(first.mail)

        const signedIn = browser()
        await signedIn.post('/auth/login', { email, password })
        await signedIn.put('/auth/password', { currentPassword: password, newPassword })
        await refused(second.mail)
        await app.deliverMail()

        const third = await forget(service)
        clock.advance(3_600_001)
        await refused(third.mail)
      }
    )

    t.test('an address gets five mails an hour, and the sixth request has the same reply', async (t) => {
      const service = await build(t, { engine })
      await service.signUp(email)
      for (let n = 0; n < 5; n += 1) t.ok((await forget(service)).mail)
      const { reply, mail } = await forget(service)
      t.match(reply, { status: 202, body: {}, cookies: [COOKIE] })
      t.equal(mail, undefined)
      service.clock.advance(3_600_001)
      t.ok((await forget(service)).mail, 'an hour later')
    })

    t.test(
      'requests over the limit leave the code of the last mail good in the browser that asked',
      async (t) => {
        const service = await build(t, { engine })
        await service.signUp(email)
        const window = service.browser()
        for (let n = 0; n < 7; n += 1) {
          await window.post('/auth/password/forgot', { email })
          await service.app.deliverMail()
        }
        t.equal(service.mails.length, 5)
        const code = codeOf(service.mails.at(-1))
        t.equal((await window.post('/auth/password/reset', { code, password: newPassword })).status, 204)
      }
    )

    t.test('one browser may ask for two accounts, and each code counts for its own', async (t) => {
      const service = await build(t, { engine })
      const window = service.browser()
      for (const address of [email, 'bob@example.com']) {
        await service.signUp(address)
        await window.post('/auth/password/forgot', { email: address })
        await service.app.deliverMail()
      }
      const codes = service.mails.map(codeOf)
      for (const code of codes)
        t.equal((await window.post('/auth/password/reset', { code, password: newPassword })).status, 204)
    })

    t.test('the mail goes to the address of the account, however it was typed', async (t) => {
      const service = await build(t, { engine })
      await service.signUp('root@example.com')
      t.equal((await forget(service, 'ʳᵒᵒᵗ@EXAMPLE.com')).mail?.to, 'root@example.com')
    })

    t.test('the database has neither the link nor the code, before and after the delivery', async (t) => {
      const service = await build(t, { engine })
      const { app } = service
      await service.signUp(email)
      await service.browser().post('/auth/password/forgot', { email })
      const [waiting] = await app.store.outbox.claim(service.clock(), service.clock(), 1)
      t.notMatch(Buffer.from(waiting?.sealed ?? '', 'base64url').toString('latin1'), 'ada')
      const { mail } = await forget(service)
      const [token, code] = [tokenOf(mail) as string, codeOf(mail) as string]
      t.equal(await app.store.oneTimeTokens.find(token, 'password', service.clock()), undefined)
      t.equal(await app.store.oneTimeTokens.find(code, 'password', service.clock()), undefined)
    })
  })
}

t.test('a reset keeps no name that somebody chose before the address was proved', async (t) => {
  const service = await build(t)
  await service.browser().post('/auth/register', { email, password, name: 'Not Ada' })
  const { mail, window } = await forget(service)
  await window.post('/auth/password/reset', { token: tokenOf(mail), password: newPassword })
  t.equal((await service.app.store.users.findByEmail(email))?.name, null)
})

t.test('neither token nor code, or both, is a request that is not valid', async (t) => {
  const service = await build(t)
  for (const proof of [{}, { token: 'x', code: 'y' }]) {
    const reply = await service.browser().post('/auth/password/reset', { ...proof, password: newPassword })
    t.match(reply, { status: 400, body: { code: 'invalid_request', detail: 'Send either token or code.' } })
  }
})

t.test('what is no address is refused', async (t) => {
  const service = await build(t)
  const { reply } = await forget(service, 'no-address')
  t.match(reply, {
    status: 400,
    body: { code: 'invalid_request', errors: [{ pointer: '/email', code: 'email' }] }
  })
})

t.test('without mail there is no such endpoint', async (t) => {
  const service = await build(t, { env: { AUTH_ISSUER: 'https://auth.example.com' } })
  const reply = await service.browser().post('/auth/password/forgot', { email })
  t.match(reply, { status: 404, body: { code: 'not_found' } })
})

t.test('over https the cookie has the prefix of a host', async (t) => {
  const env = {
    AUTH_ISSUER: 'https://auth.example.com',
    AUTH_SMTP_URL: 'smtp://127.0.0.1:1',
    AUTH_MAIL_FROM: 'Gatehouse <no-reply@example.com>'
  }
  const service = await build(t, { env })
  const { reply } = await forget(service)
  t.match(reply.cookies, [{ ...COOKIE, name: '__Host-recovery', secure: true }])
})
