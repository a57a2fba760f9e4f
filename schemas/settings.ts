import { type StaticDecode, Type } from 'typebox'
import { Duration, DurationOrOff } from './duration.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** Makes the schema of a list setting: comma-separated text outside, a list inside. */
const List = (description: string, hint: string) =>
  Type.Decode(Type.String({ default: '', description, hint }), (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  )

const Limit = (value: number, description: string) =>
  Type.Integer({ default: value, minimum: 0, maximum: 1_000_000, description })

/**
 * All settings: the one source of their types, validation and defaults, of `gatehouse config`, and of the table in
 * docs/operations.md. A `secret` setting is masked when shown. NAME_FILE can name a file that holds it.
 */
export const Settings = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on' }),
  PORT: Type.Integer({ default: 3000, minimum: 1, maximum: 65535, description: 'Port to listen on' }),
  LOG_LEVEL: Type.Enum(LOG_LEVELS, {
    default: 'info',
    description: `How much to log: ${LOG_LEVELS.map((level) => `\`${level}\``).join(', ')}`
  }),
  DATABASE_URL: Type.String({
    default: '',
    pattern: '^$|^file:.+|^postgres(ql)?://.+',
    hint: 'must start with file: or postgres:',
    secret: true,
    description:
      'URL of the database: `file:/path/to.db` (SQLite) or `postgres://…`. Default: `gatehouse.db` in `AUTH_DATA_DIR`'
  }),
  REDIS_URL: Type.String({
    default: '',
    pattern: '^$|^(rediss?|rediss?\\+sentinel|unix)://.+',
    hint: 'must start with redis://, rediss://, redis+sentinel://, rediss+sentinel:// or unix://',
    secret: true,
    description:
      'URL of Valkey or Redis, in [one of five forms](#valkey). It makes limits exact and revocations immediate across instances'
  }),
  AUTH_DATA_DIR: Type.String({
    default: './data',
    minLength: 1,
    description: 'Folder of the embedded database and of the generated master key'
  }),
  AUTH_ISSUER: Type.String({
    default: '',
    description:
      'Public URL of Gatehouse, an origin without a path. It is the `iss` of tokens. Default: `http://localhost:PORT`'
  }),
  AUTH_AUDIENCE: Type.String({ default: '', description: 'The `aud` of tokens. Default: `AUTH_ISSUER`' }),
  AUTH_ALLOWED_ORIGINS: List(
    'Comma-separated origins of browser apps that may call Gatehouse with cookies. Its own origin always may',
    'must be origins such as https://app.example.com'
  ),
  AUTH_CORS_HEADERS: List(
    'Comma-separated names of request headers that apps of allowed origins may add, besides those that Gatehouse reads and those of tracing',
    'must be names of headers such as x-request-source'
  ),
  AUTH_TRUST_PROXY: List(
    'Comma-separated addresses or CIDR ranges of the reverse proxies whose `X-Forwarded-*` headers are trusted',
    'must be addresses or CIDR ranges such as 10.0.0.0/8'
  ),
  AUTH_MASTER_KEY: Type.String({
    default: '',
    secret: true,
    description:
      'At least 32 random bytes, base64url. Default: generated into `AUTH_DATA_DIR` at the first start'
  }),
  AUTH_MASTER_KEY_PREVIOUS: Type.String({
    default: '',
    secret: true,
    description: 'The old master key, while it is being replaced'
  }),
  AUTH_JWT_ALG: Type.Enum(['ES256', 'EdDSA', 'RS256'], {
    default: 'ES256',
    description: 'Algorithm of new signing keys: `ES256`, `EdDSA` or `RS256`'
  }),
  AUTH_KEY_ROTATION: Duration('30d', 'How long a key signs before the next one takes over, `10s` to `400d`'),
  AUTH_ACCESS_TTL: Duration('5m', 'Lifetime of an access token, at most `1h`'),
  AUTH_SESSION_IDLE_TTL: Duration('24h', 'A session ends if it is not refreshed for this long'),
  AUTH_SESSION_MAX_TTL: Duration('30d', 'A session ends this long after the sign-in, even if it is in use'),
  AUTH_REFRESH_GRACE: Duration(
    '10s',
    'How long a replaced refresh token still gets its successor, for parallel tabs, at most `60s`'
  ),
  AUTH_REFRESH_UNSEEN: Duration(
    '10m',
    'How long it does so while the successor is unused, because the response may be lost, at most `1h`'
  ),
  AUTH_FRESH_TTL: Duration('10m', 'How long a sign-in counts as recent for sensitive changes'),
  AUTH_COOKIE_SAMESITE: Type.Enum(['lax', 'strict'], {
    default: 'lax',
    description: '`SameSite` attribute of the cookies: `lax` or `strict`'
  }),
  AUTH_COOKIE_DOMAIN: Type.String({
    default: '',
    description: 'Domain whose hosts all get the access cookie. Default: only the issuer’s host gets it'
  }),
  AUTH_REGISTRATION: Type.Enum(['open', 'invite', 'closed'], {
    default: 'open',
    description:
      'Who creates accounts: anyone, by registering (`open`); an administrator, by an invitation link (`invite`); only the operator, by command (`closed`)'
  }),
  AUTH_SMTP_URL: Type.String({
    default: '',
    secret: true,
    description:
      'The SMTP server for mail: `smtp://user:password@host:587` (with STARTTLS) or `smtps://…`. Default: no mail; on a loopback `AUTH_ISSUER`, mail is printed'
  }),
  AUTH_MAIL_FROM: Type.String({
    default: '',
    description: 'Sender of mail: `Example <no-reply@example.com>`. Needed with `AUTH_SMTP_URL`'
  }),
  AUTH_MAIL_TEMPLATES: Type.String({
    default: '',
    description: 'Folder of mail templates that replace those of Gatehouse'
  }),
  AUTH_FORWARD_UNVERIFIED_EMAIL: Type.Enum(['off', 'on'], {
    default: 'off',
    description:
      'Whether `GET /auth/check` also forwards email addresses that are not verified: `off` or `on`'
  }),
  AUTH_PASSWORD_MIN_LENGTH: Type.Integer({
    default: 12,
    minimum: 8,
    maximum: 64,
    description: 'Minimum length of a password in characters (Unicode code points), 8 to 64'
  }),
  AUTH_BREACH_CHECK_URL: Type.String({
    default: '',
    description:
      'Range API that knows breached passwords, such as `https://api.pwnedpasswords.com/range/` ([what it sees](#breached-passwords)). Default: no check'
  }),
  AUTH_ARGON2_MEMORY_KIB: Type.Integer({
    default: 19456,
    minimum: 19456,
    maximum: 4_194_304,
    description: 'Memory of one argon2id hash, in KiB'
  }),
  AUTH_ARGON2_TIME: Type.Integer({
    default: 2,
    minimum: 2,
    maximum: 64,
    description: 'Passes of one argon2id hash'
  }),
  AUTH_ARGON2_PARALLELISM: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 16,
    description: 'Lanes of one argon2id hash'
  }),
  AUTH_RATE_LIMIT_PER_IP: Limit(600, 'Requests per minute from one address (IPv6: one /64); `0` = no limit'),
  AUTH_LOGIN_LIMIT_PER_IP: Limit(
    30,
    'Failed sign-ins and password checks, and registrations, per minute from one address; `0` = no limit'
  ),
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: Limit(
    5,
    'Failed sign-ins of one account before delays begin and grow; `0` = no limit'
  ),
  AUTH_MAX_EVENT_LOOP_DELAY: DurationOrOff(
    '500ms',
    'Requests get the error `busy` while the event loop is delayed by more than this, `100ms` or more; `off` = never'
  ),
  AUTH_AUDIT_RETENTION: DurationOrOff(
    '400d',
    'How long entries of the audit trail are kept, `1d` or more; `off` = forever'
  ),
  AUTH_METRICS: Type.String({
    default: 'off',
    secret: true,
    description:
      'Metrics for Prometheus: `off`, a separate port, or the bearer token (at least 32 characters) for `GET /metrics`'
  }),
  AUTH_DOCS: Type.String({
    default: '',
    pattern: '^(on|off)?$',
    hint: 'must be one of on, off',
    description:
      'API reference at `/docs`: `on` or `off`. Default: `on` if `AUTH_ISSUER` is a loopback address, otherwise `off`'
  })
})

export type SettingName = keyof typeof Settings.properties
export type SettingValues = StaticDecode<typeof Settings>
