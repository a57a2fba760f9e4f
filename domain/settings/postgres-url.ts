import { isReadableUrl } from './readable-url.ts'

const PARTS = /^(postgres(?:ql)?:\/\/(?:[^/?]*@)?)([^/?]*)(.*)$/s
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full']
/** The library pg gives these modes another meaning than PostgreSQL, unless it is told to be compatible. */
const AS_IN_LIBPQ = ['require', 'verify-ca']
const FILES = ['sslrootcert', 'sslcert', 'sslkey']

/** Splits the URL of several servers, `postgres://h1,h2/db`, into a URL for each, in the form that the library pg reads. */
export function serversOf(text: string): string[] {
  const [, before = '', hosts = '', after = ''] = PARTS.exec(text) ?? []
  return hosts.split(',').map((host) => asInLibpq(`${before}${host}${after}`))
}

function asInLibpq(url: string): string {
  const withoutSystem = url.replace(/([?&])sslrootcert=system(&|$)/, '$1')
  const { sslmode = '' } = parametersOf(url)
  return AS_IN_LIBPQ.includes(sslmode) ? `${withoutSystem}&uselibpqcompat=true` : withoutSystem
}

/** Returns whether a connection counts only if its server takes writes: always, if there is a choice. */
export function mustTakeWrites(text: string): boolean {
  return serversOf(text).length > 1 || parametersOf(text).target_session_attrs !== undefined
}

/** Returns whether the connection is encrypted, but to any server that answers. */
export function believesAnyServer(text: string): boolean {
  const { sslmode, sslrootcert } = parametersOf(text)
  return sslmode === 'require' && sslrootcert === undefined
}

/** Returns the faults of the URL, without its secrets. `canRead` says whether a file can be read. */
export function postgresUrlFaults(text: string, canRead: (path: string) => boolean): string[] {
  if (!serversOf(text).every(isPostgresUrl))
    return ['DATABASE_URL is not a URL: percent-encode what is special in its user and password']
  const parameters = parametersOf(text)
  return [
    ...tlsFaults(parameters),
    ...FILES.filter((name) => isUnreadable(parameters[name], canRead)).map(
      (name) => `DATABASE_URL has ${name}=${parameters[name]}, a file that cannot be read`
    ),
    ...serverFaults(parameters)
  ]
}

function tlsFaults({ sslmode, sslrootcert }: Record<string, string>): string[] {
  if (sslmode !== undefined && !SSL_MODES.includes(sslmode))
    return [`DATABASE_URL has sslmode=${sslmode}: write ${SSL_MODES.join(', ')}. Only verify-full is safe`]
  if (sslmode === 'verify-ca' && sslrootcert === undefined)
    return ['DATABASE_URL has sslmode=verify-ca: add sslrootcert=FILE, or write sslmode=verify-full']
  return sslrootcert === 'system' && sslmode !== 'verify-full'
    ? ['DATABASE_URL has sslrootcert=system: write sslmode=verify-full with it']
    : []
}

function serverFaults({
  target_session_attrs: wanted = 'read-write',
  host = ''
}: Record<string, string>): string[] {
  return [
    ...(['read-write', 'primary'].includes(wanted)
      ? []
      : [`DATABASE_URL has target_session_attrs=${wanted}: write read-write, because Gatehouse writes`]),
    ...(host.includes(',') ? ['DATABASE_URL has a list in host=: write postgres://host1,host2/database'] : [])
  ]
}

function isUnreadable(path: string | undefined, canRead: (path: string) => boolean): boolean {
  return path !== undefined && path !== 'system' && !canRead(path)
}

// The last one counts, as for pg.
function parametersOf(text: string): Record<string, string> {
  const [, query = ''] = /\?([^#]*)/.exec(text) ?? []
  return Object.fromEntries(new URLSearchParams(query))
}

// Mirrors pg's parser: it accepts a lone `%`, and an empty host (taken from the query or the environment).
function isPostgresUrl(text: string): boolean {
  return isReadableUrl(text.replace(/%(?=[^\da-f]|[\da-f][^\da-f])/gi, '%25').replace('@/', '@localhost/'))
}
