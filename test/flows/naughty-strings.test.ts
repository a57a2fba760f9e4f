import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Answer } from '../harness/browser.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

/** Texts that break careless code: quotes of SQL, shells, HTML and logs, and rare Unicode. */
const NAUGHTY = [
  "'",
  "' or '1'='1",
  "'; drop table users; --",
  '"; select pg_sleep(5); --',
  "' union select password_hash from users --",
  '%27%20or%201=1',
  '$1',
  ':name',
  '?',
  'x\\',
  "\\'",
  '%',
  '_',
  '*)(uid=*))(|(uid=*',
  "{ '$gt': '' }",
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'undefined',
  'null',
  'NaN',
  '0x10',
  '1e999',
  '-0',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  'file:///etc/passwd',
  '/dev/null\u0000.txt',
  '$(touch /tmp/naughty)',
  '`id`',
  '; id',
  '| id',
  '$' + '{7*7}',
  '{{7*7}}',
  '<%= 7*7 %>',
  '$' + '{jndi:ldap://127.0.0.1/x}',
  '%s%s%s%n',
  '%j %O',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  ']]>',
  '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
  'a\r\nSet-Cookie: planted=1',
  'a\n{"level":"info","msg":"login.succeeded"}',
  'a\r{"level":"info"}',
  'a\u2028b',
  'a\u2029b',
  'a\u0085b',
  'a\u001b[2J\u001b[31mred',
  'a\u0007\u0008\u007f',
  'a\u0000b',
  '\u202etxt.exe',
  '\u200b\u200d\ufeff',
  '\ufdfd',
  '\ud800',
  '\udfff\ud800',
  '\uffff',
  'e\u0301'.repeat(50),
  'Z\u0351\u0352\u0353a\u0354\u0355l',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  'ﬃ İıſ ß ẞ',
  'Ω≈ç√∫˜µ',
  '田中さんにあげて下さい',
  'مُنَاقَشَةُ',
  ' ',
  '\t',
  '\u00a0',
  '"',
  '"}',
  '\\u0000',
  'a'.repeat(10_000)
]

/** Returns the text as UTF-8 bytes, which HTTP allows in a header. Some of them are control characters above 127. */
const headerOf = (text: string) =>
  Buffer.from(text.toWellFormed().replaceAll(/\p{Cc}/gu, ' '))
    .toString('latin1')
    .slice(0, 1000)

for (const engine of engines) {
  t.test(`naughty strings on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const log = new PassThrough()
    let written = ''
    log.setEncoding('utf8').on('data', (text: string) => {
      written += text
    })
    const service = await build(t, { engine, log })
    const root = await service.setUp()
    const ada = await service.signUp()
    const answers: Answer[] = []

    for (const text of NAUGHTY) {
      const inAddress = encodeURIComponent(text.toWellFormed())
      const header = headerOf(text)
      const stranger = service.browser({
        'sec-fetch-site': 'same-origin',
        'user-agent': header,
        cookie: `access=${header}; refresh=${header}`
      })
      answers.push(
        await stranger.post('/auth/login', { email: `${text}@example.com`, password: text }),
        await stranger.post('/auth/register', { email: `x${text}@example.com`, password: text, name: text }),
        await stranger.post('/auth/password/reset', { token: text, password: text }),
        await stranger.get('/auth/me', { authorization: `Bearer ${header}` }),
        await stranger.get(`/${inAddress}`, { 'x-request-id': header, origin: header }),
        await ada.patch('/auth/me', { name: text }),
        await root.get(`/admin/users?search=${inAddress}`),
        await root.get(`/admin/users/${inAddress}`),
        await root.get(`/admin/audit?type=${inAddress}`),
        await root.put(`/admin/roles/${inAddress}`, { description: text, scope: text }),
        await root.post('/admin/clients', { name: text, scope: text })
      )
      // A change of the name makes the access token stale.
      await ada.post('/auth/refresh')
    }

    t.test('are an answer below 500 wherever they are written', async (t) => {
      t.ok(answers.length > 700, `${answers.length} requests`)
      t.strictSame(
        answers.filter(({ status }) => status >= 500).map(({ text }) => text),
        []
      )
      t.equal(await service.app.store.users.countAdministrators(), 1, 'the accounts are what they were')
    })

    t.test('add no header and no cookie to an answer', async (t) => {
      const names = new Set(answers.flatMap(({ cookies }) => cookies.map(({ name }) => name)))
      t.notOk(names.has('planted'))
      t.notOk(answers.some(({ headers }) => 'planted' in headers))
    })

    t.test('add no line to the log and change none', async (t) => {
      const lines = written.split('\n').slice(0, -1)
      t.ok(lines.length > answers.length, `${lines.length} lines`)
      const events = lines.map((line) => JSON.parse(line))
      t.notOk(events.some(({ time }) => Number.isNaN(Date.parse(time))))
      const invisible = lines.filter((line) => /[\p{Cc}\u2028\u2029]/u.test(line))
      t.strictSame(invisible.slice(0, 3), [], 'no line holds a control character')
    })

    t.test('leave a name exactly as it was typed', async (t) => {
      for (const name of ["Robert'); drop table users;--", '%s {{7*7}} <b>', '\u202eevil', '👩‍👩‍👧‍👦']) {
        t.equal((await ada.patch('/auth/me', { name })).status, 200)
        await ada.post('/auth/refresh')
        t.equal((await ada.get('/auth/me')).body.user.name, name)
      }
    })
  })
}
