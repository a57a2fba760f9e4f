import t from 'tap'
import { examine } from '../../../commands/doctor/checkup.ts'
import { clockFindings } from '../../../commands/doctor/clock.ts'
import { cookieFindings } from '../../../commands/doctor/cookies.ts'
import { dataFolderFindings } from '../../../commands/doctor/data-folder.ts'
import { databaseFindings } from '../../../commands/doctor/database.ts'
import { diskFindings } from '../../../commands/doctor/disk.ts'
import { error, type Finding, ok } from '../../../commands/doctor/finding.ts'
import { issuerFindings } from '../../../commands/doctor/issuer.ts'
import { keyFindings } from '../../../commands/doctor/keys.ts'
import { migrationFindings } from '../../../commands/doctor/migrations.ts'
import { nodeFindings } from '../../../commands/doctor/node.ts'
import { passwordFindings } from '../../../commands/doctor/passwords.ts'
import { proxyFindings } from '../../../commands/doctor/proxies.ts'
import { DAY, MINUTE, SECOND } from '../../../domain/clock.ts'
import { deriveKeys } from '../../../domain/keys/master-key.ts'
import { generateSigningKey } from '../../../domain/keys/signing-key.ts'
import { loadSettings } from '../../../domain/settings/settings.ts'

const now = 1_800_000_000_000
const MEGABYTE = 1024 ** 2
const EXT4 = 0xef53

const severities = (findings: Finding[]) => findings.map(({ severity }) => severity)
const config = (env: Record<string, string>) => loadSettings(env, () => '').config

t.test('whatever is wrong comes with what to do', (t) => {
  const wrong = [
    ...nodeFindings('25.1.0', now),
    ...diskFindings({ path: '/data', free: 1, size: 1, type: 0x6969 }, true),
    ...dataFolderFindings(
      { path: '/data', mode: 0o777, isWritable: false },
      { path: '/x', mode: 0o644, isWritable: false }
    )
  ]
  for (const { severity, message, advice = '' } of wrong) {
    t.not(severity, 'ok', message)
    t.match(advice, /^[A-Z].*\.$/, message)
  }
  t.end()
})

t.test('Node.js: a long-term release that is still mended', (t) => {
  t.strictSame(severities(nodeFindings('24.21.0', now)), ['ok'])
  t.strictSame(severities(nodeFindings('25.1.0', now)), ['warning'])
  t.strictSame(severities(nodeFindings('22.19.0', Date.parse('2027-05-01'))), ['warning'])
  t.end()
})

t.test('a disk: little room, less room, and what is no disk', (t) => {
  const disk = { path: '/data', free: 5000 * MEGABYTE, size: 9000 * MEGABYTE, type: EXT4 }
  t.strictSame(severities(diskFindings(disk, true)), ['ok'])
  t.strictSame(severities(diskFindings({ ...disk, free: 1000 * MEGABYTE }, true)), ['warning'])
  t.strictSame(severities(diskFindings({ ...disk, free: 99 * MEGABYTE }, true)), ['error'])
  for (const type of [0x01021994, 0x6969, 0xfe534d42]) {
    t.strictSame(severities(diskFindings({ ...disk, type }, true)), ['error'])
    t.strictSame(
      severities(diskFindings({ ...disk, type }, false)),
      ['ok'],
      'a master key alone may be there'
    )
  }
  t.end()
})

t.test('a database: too old, read-only, careless, unmigrated, newer, of another program', (t) => {
  const state = {
    engine: 'postgres' as const,
    version: '16.4 (Debian)',
    readOnly: undefined,
    unsafe: [],
    isSuperuser: false,
    pending: [],
    unknown: [],
    inTheWay: []
  }
  t.strictSame(severities(databaseFindings(state)), ['ok'])
  t.strictSame(severities(databaseFindings({ ...state, version: '12.9' })), ['error'])
  t.strictSame(severities(databaseFindings({ ...state, readOnly: 'so', unsafe: ['fsync = off'] })), [
    'error',
    'error'
  ])
  t.strictSame(severities(databaseFindings({ ...state, isSuperuser: true })), ['warning'])
  t.strictSame(severities(migrationFindings(state)), ['ok'])
  t.strictSame(severities(migrationFindings({ ...state, pending: ['0004-clients'] })), ['warning'])
  t.strictSame(severities(migrationFindings({ ...state, unknown: ['0999-tomorrow'] })), ['error'])
  t.strictSame(severities(migrationFindings({ ...state, pending: ['0001-initial'], inTheWay: ['users'] })), [
    'error'
  ])
  t.end()
})

t.test('clocks: the database’s within what a reading may be wrong by, and no event from the future', (t) => {
  const clocks = { here: now, database: now - 2 * SECOND, tolerance: 0, newestEvent: now }
  t.strictSame(severities(clockFindings(clocks)), ['ok'])
  t.match(clockFindings({ ...clocks, database: now - MINUTE }), [
    { severity: 'error', message: /60 s ahead of/ }
  ])
  t.match(clockFindings({ ...clocks, database: now + MINUTE }), [
    { severity: 'error', message: /60 s behind/ }
  ])
  t.strictSame(severities(clockFindings({ ...clocks, database: now + 2001 })), ['warning'])
  t.strictSame(severities(clockFindings({ ...clocks, database: now + 5 * SECOND })), ['warning'])
  t.strictSame(severities(clockFindings({ ...clocks, database: now + 5001 })), ['error'])
  t.strictSame(severities(clockFindings({ ...clocks, database: now + 5001, tolerance: SECOND })), ['warning'])
  t.strictSame(severities(clockFindings({ ...clocks, database: now + MINUTE, tolerance: MINUTE })), ['ok'])
  t.strictSame(severities(clockFindings({ ...clocks, newestEvent: now + MINUTE })), ['error'])
  t.strictSame(severities(clockFindings({ ...clocks, newestEvent: now + 3 * SECOND })), ['warning'])
  t.strictSame(severities(clockFindings({ ...clocks, database: undefined, newestEvent: undefined })), ['ok'])
  t.end()
})

t.test('keys: opened by this master key, and the next one made in time', async (t) => {
  const wrapKeys = deriveKeys(Buffer.alloc(32, 1)).signingKeyWrap
  const others = deriveKeys(Buffer.alloc(32, 2)).signingKeyWrap
  const rules = { algorithm: 'ES256' as const, rotation: 30 * DAY }
  const made = async (activatesAt: number) => ({
    ...(await generateSigningKey('ES256', wrapKeys.current)),
    imported: false,
    createdAt: now,
    activatesAt
  })
  const [active, next] = [await made(now), await made(now + rules.rotation)]
  t.strictSame(severities(keyFindings([active, next], wrapKeys, rules, now)), ['ok'])
  t.strictSame(severities(keyFindings([active, next], others, rules, now)), ['error'])
  t.match(keyFindings([active, next], wrapKeys, rules, now + 31 * DAY), [
    { severity: 'warning', message: /due/ }
  ])
  const altered = { ...next, publicPem: active.publicPem }
  t.match(keyFindings([active, altered], wrapKeys, rules, now), [
    { severity: 'error', message: `Signing key ${next.kid} was altered in the database` }
  ])
  const foreign = { ...next, sealedPrivateKey: active.sealedPrivateKey }
  t.match(keyFindings([active, foreign], wrapKeys, rules, now), [
    {
      severity: 'error',
      message: `The master key does not open signing key ${next.kid}`,
      advice: /keys revoke/
    }
  ])
})

t.test('a data folder: others are an error, a group is a warning, as fsGroup makes one', (t) => {
  const judge = (folder: number, database: number) =>
    severities(
      dataFolderFindings(
        { path: '/data', mode: folder, isWritable: true },
        { path: '/x', mode: database, isWritable: true }
      )
    )
  t.strictSame(judge(0o700, 0o600), ['ok'])
  t.strictSame(judge(0o770, 0o660), ['warning', 'warning'])
  t.strictSame(judge(0o702, 0o604), ['error', 'error'])
  t.strictSame(judge(0o777, 0o666), ['error', 'error'])
  t.end()
})

t.test('proxies: ranges that others are in, too, are not to be trusted', (t) => {
  const judge = (ranges: string) =>
    severities(proxyFindings(config({ AUTH_ISSUER: 'https://auth.example.com', AUTH_TRUST_PROXY: ranges })))
  for (const narrow of ['10.0.0.0/8', '192.168.1.7', '203.0.113.0/24', 'fd00::/8', '2001:4860::/32'])
    t.strictSame(judge(narrow), ['ok'], narrow)
  for (const wide of ['0.0.0.0/0', '::/0', '8.0.0.0/8', '2000::/3'])
    t.strictSame(judge(wide), ['error'], wide)
  t.end()
})

t.test('cookies: an app on another site gets none', (t) => {
  const judge = (issuer: string, origins: string) =>
    severities(cookieFindings(config({ AUTH_ISSUER: issuer, AUTH_ALLOWED_ORIGINS: origins })))
  t.strictSame(judge('https://auth.example.com', 'https://example.com,https://a.b.example.com'), ['ok'])
  t.strictSame(judge('http://localhost:3000', 'http://localhost:5173'), ['ok'])
  t.strictSame(judge('https://auth.example.co.uk', 'https://app.example.co.uk'), ['ok'])
  t.strictSame(judge('https://auth.example.com', 'https://example.org'), ['error'])
  t.strictSame(judge('https://auth.one.co.uk', 'https://app.two.co.uk'), ['error'])
  t.strictSame(judge('http://localhost:3000', 'http://127.0.0.1:5173'), ['error'])
  t.strictSame(judge('https://one.github.io', 'https://two.github.io'), ['error'])
  t.end()
})

t.test('the issuer: this Gatehouse, by a certificate that is believed and will be', (t) => {
  const issuer = 'https://auth.example.com'
  const certificate = { refusal: undefined, expiresAt: now + 60 * DAY }
  const answered = { issuer, kids: ['one'], certificate }
  const judge = (changes: object, kid?: string) =>
    severities(issuerFindings(issuer, { ...answered, ...changes }, kid, now))
  t.strictSame(judge({}, 'one'), ['ok'])
  t.strictSame(judge({}, 'two'), ['error'])
  t.strictSame(judge({ issuer: undefined }), ['error'])
  t.strictSame(judge({ kids: undefined }), ['error'])
  t.strictSame(judge({ certificate: { ...certificate, expiresAt: now + 5 * DAY } }), ['warning'])
  t.strictSame(judge({ certificate: { ...certificate, refusal: 'CERT_HAS_EXPIRED' } }), ['error'])
  t.strictSame(judge({ certificate: undefined }), ['ok'], 'on loopback')
  t.end()
})

t.test('a look that throws, or never ends, hides none of the others; the worst comes first', async (t) => {
  const check = (name: string, look: () => Finding[] | Promise<Finding[]>, needs: string[] = []) => ({
    name,
    needs,
    look,
    advice: 'Mend it.'
  })
  const findings = await examine(
    [
      check('well', () => [ok('Fine')]),
      check('throws', () => {
        throw new Error('broken', { cause: new Error('the disk') })
      }),
      check('rejects', async () => Promise.reject(Object.assign(new Error(''), { code: 'ECONNREFUSED' }))),
      check('denied', async () =>
        Promise.reject(Object.assign(new Error('EACCES: /data'), { code: 'EACCES' }))
      ),
      check('hangs', () => new Promise(() => {})),
      check('faulty', () => [error('not to be looked at', 'No.')], ['AUTH_ISSUER'])
    ],
    ['AUTH_ISSUER'],
    20
  )
  t.strictSame(findings, [
    { check: 'throws', severity: 'error', message: 'the disk', advice: 'Mend it.' },
    { check: 'rejects', severity: 'error', message: 'ECONNREFUSED', advice: 'Mend it.' },
    {
      check: 'denied',
      severity: 'error',
      message: 'EACCES: /data',
      advice: 'Give it to the user that runs Gatehouse: chown.'
    },
    { check: 'hangs', severity: 'error', message: 'There was no answer within 0.02 s', advice: 'Mend it.' },
    { check: 'well', severity: 'ok', message: 'Fine' }
  ])
})

t.test('fifteen characters are recommended while a password is the only factor', async (t) => {
  const adviceAt = (length: string) =>
    passwordFindings(config({ AUTH_PASSWORD_MIN_LENGTH: length })).map(({ severity, advice }) => [
      severity,
      advice
    ])
  t.match(adviceAt('12'), [['ok', /AUTH_PASSWORD_MIN_LENGTH=15/]])
  t.strictSame(adviceAt('15'), [['ok', undefined]])
})
