import t from 'tap'
import { loadSettings } from '../../../domain/settings/settings.ts'
import { renderStartNotice, startNotice } from '../../../domain/settings/start-notice.ts'

const link = { token: 'abc', url: 'http://localhost:3000/auth/setup#token=abc', expiresAt: 0 }
const noticeOf = (env: Record<string, string>, setup = true) => {
  const { config, warnings } = loadSettings(env, () => '')
  return startNotice(config, 'sqlite', warnings, setup ? link : undefined)
}

t.test('the block says all that an operator wants to know, in one column', async (t) => {
  t.equal(
    renderStartNotice(noticeOf({ AUTH_RATE_LIMIT_PER_IP: '0' })),
    `
  Gatehouse            http://localhost:3000
  Listens on           http://127.0.0.1:3000
  API reference        http://localhost:3000/docs
  Database             sqlite
  Mode                 http on loopback
  Mail                 is printed here
  Warning              AUTH_RATE_LIMIT_PER_IP is off
  First administrator  http://localhost:3000/auth/setup#token=abc
                       (works once, for 24 hours)

`
  )
})

t.test('what does not apply is left out', async (t) => {
  const env = {
    HOST: '::',
    PORT: '8080',
    AUTH_ISSUER: 'https://auth.example.com',
    AUTH_DOCS: 'off',
    AUTH_TRUST_PROXY: '10.0.0.0/8'
  }
  const notice = noticeOf(env, false)
  t.strictSame(JSON.parse(JSON.stringify(notice)), {
    url: 'https://auth.example.com',
    listens: 'http://[::]:8080',
    database: 'sqlite',
    mode: 'https',
    mail: 'none: AUTH_SMTP_URL is not set',
    warnings: []
  })
  t.equal(
    renderStartNotice(notice),
    '\n  Gatehouse            https://auth.example.com\n  Listens on           http://[::]:8080\n  Database             sqlite\n  Mode                 https\n  Mail                 none: AUTH_SMTP_URL is not set\n\n'
  )
})
