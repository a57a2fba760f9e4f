import { fileURLToPath } from 'node:url'
import { DAY } from '../clock.ts'
import { masterKeyFault } from '../keys/master-key.ts'
import { LONGEST_ACCESS_TTL } from '../tokens/access-token.ts'
import type { Config } from './config.ts'
import { parseRange } from './forwarded-address.ts'
import { isHttpsOrLoopback, isLoopback } from './loopback.ts'
import { mailFaults } from './mail.ts'
import { metricsFault } from './metrics-exposure.ts'
import { example, getsCookies, originFaults, originOf } from './origins.ts'
import { believesAnyServer, postgresUrlFaults, serversOf } from './postgres-url.ts'
import { isPublicSuffix } from './registrable-domain.ts'
import { parseValkeyUrl } from './valkey-url.ts'

/** A token (RFC 9110 §5.6.2), but no `*`: beside credentials, browsers do not read it as any name. */
const FIELD_NAME = /^[!#$%&'+\-.^_`|~\dA-Za-z]+$/

/** Returns the faults of settings that each have the right type: one line per fault. `canRead` says whether a file can be read. */
export function settingFaults(config: Config, canRead: (path: string) => boolean): string[] {
  return [
    ...issuerFaults(config),
    ...durationFaults(config),
    ...breachCheckFaults(config.AUTH_BREACH_CHECK_URL),
    ...cookieDomainFaults(config),
    ...config.AUTH_ALLOWED_ORIGINS.flatMap(originFaults),
    ...config.AUTH_CORS_HEADERS.filter((name) => !FIELD_NAME.test(name)).map(
      (name) => `AUTH_CORS_HEADERS ${name} is not the name of a header, written out such as x-request-source`
    ),
    ...config.AUTH_TRUST_PROXY.filter((range) => !parseRange(range)).map(
      (range) => `AUTH_TRUST_PROXY ${range} is not an address or a CIDR range, written out such as 10.0.0.0/8`
    ),
    ...databaseFaults(config.DATABASE_URL, canRead),
    ...valkeyFaults(config.REDIS_URL),
    ...(config.AUTH_MASTER_KEY ? masterKeyFault(config.AUTH_MASTER_KEY) : []),
    ...(config.AUTH_MASTER_KEY_PREVIOUS
      ? masterKeyFault(config.AUTH_MASTER_KEY_PREVIOUS, 'AUTH_MASTER_KEY_PREVIOUS')
      : []),
    ...mailFaults(config),
    ...metricsFault(config.AUTH_METRICS, config.PORT)
  ]
}

function databaseFaults(text: string, canRead: (path: string) => boolean): string[] {
  if (text.startsWith('file:'))
    return isFilePath(text)
      ? []
      : ['DATABASE_URL names no file: write file:/path/to.db, and nothing after it']
  return postgresUrlFaults(text, canRead)
}

function valkeyFaults(text: string): string[] {
  if (!text) return []
  try {
    parseValkeyUrl(text)
    return []
  } catch (error) {
    return [`REDIS_URL ${(error as Error).message}`]
  }
}

function isFilePath(text: string): boolean {
  try {
    const path = text.startsWith('file://') ? fileURLToPath(text) : text.slice('file:'.length)
    // The SQLite library trims blanks around a name, and reads `:memory:` as no file.
    return path !== '' && path === path.trim() && !path.startsWith(':') && !/[?#\0]/.test(text + path)
  } catch {
    return false
  }
}

function issuerFaults({ AUTH_ISSUER }: Config): string[] {
  const origin = originOf(AUTH_ISSUER)
  if (origin === undefined || origin !== AUTH_ISSUER) {
    return [`AUTH_ISSUER ${AUTH_ISSUER} must be an origin without path or trailing slash: ${example(origin)}`]
  }
  if (!isHttpsOrLoopback(origin)) {
    return [`AUTH_ISSUER ${AUTH_ISSUER} must be https: plain http is for a loopback address only`]
  }
  return []
}

// Five characters are added to its end.
function breachCheckFaults(text: string): string[] {
  if (!text) return []
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || /[@?#\s]/.test(text) || !text.endsWith('/'))
    return [
      'AUTH_BREACH_CHECK_URL must be a URL that ends with /, such as https://api.pwnedpasswords.com/range/'
    ]
  return isHttpsOrLoopback(url.origin)
    ? []
    : ['AUTH_BREACH_CHECK_URL must be https: plain http is for a loopback address only']
}

function durationFaults(config: Config): string[] {
  const faults: string[] = []
  const must = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault)
  }
  must(config.AUTH_ACCESS_TTL >= 1000, 'AUTH_ACCESS_TTL must be 1s or more')
  must(config.AUTH_ACCESS_TTL <= LONGEST_ACCESS_TTL, 'AUTH_ACCESS_TTL must be 1h or less')
  must(
    config.AUTH_KEY_ROTATION >= 10_000 && config.AUTH_KEY_ROTATION <= 400 * 86_400_000,
    'AUTH_KEY_ROTATION must be 10s to 400d'
  )
  must(config.AUTH_REFRESH_GRACE <= 60_000, 'AUTH_REFRESH_GRACE must be 60s or less')
  must(config.AUTH_REFRESH_UNSEEN <= 3_600_000, 'AUTH_REFRESH_UNSEEN must be 1h or less')
  must(config.AUTH_FRESH_TTL >= 1000, 'AUTH_FRESH_TTL must be 1s or more')
  must(
    config.AUTH_SESSION_IDLE_TTL >= config.AUTH_ACCESS_TTL,
    'AUTH_SESSION_IDLE_TTL must not be less than AUTH_ACCESS_TTL'
  )
  must(
    config.AUTH_SESSION_MAX_TTL >= config.AUTH_SESSION_IDLE_TTL,
    'AUTH_SESSION_MAX_TTL must not be less than AUTH_SESSION_IDLE_TTL'
  )
  must(config.AUTH_AUDIT_RETENTION >= DAY, 'AUTH_AUDIT_RETENTION must be 1d or more, or off')
  must(config.AUTH_MAX_EVENT_LOOP_DELAY >= 100, 'AUTH_MAX_EVENT_LOOP_DELAY must be 100ms or more, or off')
  must(config.AUTH_SESSION_MAX_TTL <= 400 * 86_400_000, 'AUTH_SESSION_MAX_TTL must be 400d or less')
  return faults
}

function cookieDomainFaults({ AUTH_COOKIE_DOMAIN: domain, AUTH_ISSUER, secure }: Config): string[] {
  if (!domain) return []
  if (!secure) return ['AUTH_COOKIE_DOMAIN needs an https AUTH_ISSUER']
  const host = new URL(AUTH_ISSUER).hostname
  const shares =
    /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain) && (host === domain || host.endsWith(`.${domain}`))
  if (!shares)
    return [
      'AUTH_COOKIE_DOMAIN must be a domain that the host of AUTH_ISSUER belongs to, without a leading dot'
    ]
  return isPublicSuffix(domain)
    ? [
        `AUTH_COOKIE_DOMAIN ${domain} is a public suffix: browsers refuse its cookies. Name the domain that you registered`
      ]
    : []
}

/** Returns warnings about allowed settings that weaken Gatehouse: one line each, with the setting's name. */
export function settingWarnings(config: Config): string[] {
  const warnings: string[] = []
  const warn = (applies: boolean, warning: string) => {
    if (applies) warnings.push(warning)
  }
  warn(
    !config.secure && !isLoopback(config.HOST),
    'HOST is not a loopback address while AUTH_ISSUER is plain http: passwords would cross the network unencrypted'
  )
  warn(
    config.secure && config.AUTH_TRUST_PROXY.length === 0,
    'AUTH_TRUST_PROXY is not set: behind a reverse proxy everybody shares one rate limit'
  )
  warn(
    config.AUTH_TRUST_PROXY.some((range) => range.endsWith('/0')),
    'AUTH_TRUST_PROXY trusts every address: anybody can pretend to be anywhere'
  )
  for (const origin of config.AUTH_ALLOWED_ORIGINS)
    warn(
      isElsewhere(origin, config.AUTH_ISSUER),
      `AUTH_ALLOWED_ORIGINS ${origin} is another site than ${config.AUTH_ISSUER}: browsers send it no cookies`
    )
  const open = {
    DATABASE_URL: serversOf(config.DATABASE_URL).some(isOpenElsewhere),
    REDIS_URL: valkeyFaults(config.REDIS_URL).length === 0 && isOpenValkey(config.REDIS_URL)
  }
  for (const [name, isOpen] of Object.entries(open))
    warn(isOpen, `${name} has no password for a server on another machine: whoever reaches it is let in`)
  warn(
    believesAnyServer(config.DATABASE_URL),
    'DATABASE_URL has sslmode=require: whoever answers is taken for the database. Write sslmode=verify-full'
  )
  warn(
    config.AUTH_FORWARD_UNVERIFIED_EMAIL === 'on',
    'AUTH_FORWARD_UNVERIFIED_EMAIL is on: an app may take a person for the owner of an address that is not theirs'
  )
  warn(
    config.AUTH_KEY_ROTATION < DAY,
    'AUTH_KEY_ROTATION is less than a day: verifiers fetch keys all the time'
  )
  warn(config.AUTH_RATE_LIMIT_PER_IP === 0, 'AUTH_RATE_LIMIT_PER_IP is off')
  warn(config.AUTH_LOGIN_LIMIT_PER_IP === 0, 'AUTH_LOGIN_LIMIT_PER_IP is off')
  warn(config.AUTH_LOGIN_LIMIT_PER_ACCOUNT === 0, 'AUTH_LOGIN_LIMIT_PER_ACCOUNT is off')
  return warnings
}

// Ignores a text that is no origin: `settingFaults` reports it.
function isElsewhere(origin: string, issuer: string): boolean {
  return URL.canParse(origin) && URL.canParse(issuer) && !getsCookies(origin, issuer)
}

// The operating system protects a socket. A client certificate is a credential. `settingFaults` reports a text that is no URL.
function isOpenElsewhere(text: string): boolean {
  if (!/^postgres(ql)?:/.test(text)) return false
  const { hostname = '', password, searchParams } = URL.parse(text.replace('@/', '@localhost/')) ?? {}
  if (password || searchParams?.has('password') || searchParams?.has('sslcert')) return false
  const host = searchParams?.get('host') ?? hostname
  return !/^(\/|%2f|$)/i.test(host) && !isLoopback(host)
}

// `settingFaults` reports a text that is no URL.
function isOpenValkey(text: string): boolean {
  if (!text) return false
  const { place, password } = parseValkeyUrl(text)
  if (password || 'path' in place) return false
  const hosts = 'sentinels' in place ? place.sentinels : [place]
  return hosts.some(({ host }) => !isLoopback(host))
}
