import { isIPv6 } from 'node:net'

const VALKEY_PORT = 6379
const SENTINEL_PORT = 26_379
const FORM = /^(rediss?|rediss?\+sentinel|unix):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/
const PARAMETERS: Record<string, RegExp> = { db: /^\d+$/, family: /^[046]$/ }
const SENTINEL_PARAMETERS = { ...PARAMETERS, sentinel_username: /./, sentinel_password: /./ }

export interface HostAndPort {
  host: string
  port: number
}

export interface Credentials {
  username?: string
  password?: string
}

/** Where REDIS_URL leads: to a server, to a socket, or to Sentinels that know where the primary is. */
export interface ValkeyAddress extends Credentials {
  place: HostAndPort | { path: string } | SentinelPlace
  db: number
  isEncrypted: boolean
  /** 4, 6, or 0 for whichever the name has. */
  family: number
}

export interface SentinelPlace {
  sentinels: HostAndPort[]
  /** What the Sentinels call the primary. */
  name: string
  login: Credentials
}

/** Parses REDIS_URL. Throws an Error that says what is wrong, without a part of the URL: it may be a part of the password. */
export function parseValkeyUrl(text: string): ValkeyAddress {
  const [, scheme = '', userinfo, authority = '', path = '', query = ''] = FORM.exec(text) ?? []
  if (!scheme) throw new Error('is not a URL: percent-encode what is special in its user and password')
  const hasSentinels = scheme.endsWith('+sentinel')
  const parameters = readParameters(query, hasSentinels ? SENTINEL_PARAMETERS : PARAMETERS)
  const { place, number } = readPlace(scheme, authority, path)
  const login = { username: parameters.sentinel_username, password: parameters.sentinel_password }
  if (number && parameters.db) throw new Error('names its database twice: in the path and as db')
  return {
    ...readCredentials(userinfo),
    place: 'sentinels' in place ? { ...place, login: given(login) } : place,
    db: Number(number || parameters.db || 0),
    isEncrypted: scheme.startsWith('rediss'),
    family: Number(parameters.family ?? 0)
  }
}

type Place = { place: ValkeyAddress['place']; number?: string | undefined }

function readPlace(scheme: string, authority: string, path: string): Place {
  if (scheme === 'unix') return { place: { path: readSocket(authority, path) } }
  if (!scheme.endsWith('+sentinel')) {
    const [, number] = /^\/?(\d*)$/.exec(path) ?? []
    if (number === undefined) throw new Error('must end with the number of a database, or without one')
    return { place: readHost(authority, VALKEY_PORT), number }
  }
  const [, name, number] = /^\/([^/]+)(?:\/(\d*))?$/.exec(path) ?? []
  if (!name) throw new Error('must name the primary after the Sentinels: redis+sentinel://host1,host2/NAME')
  const sentinels = authority.split(',').map((each) => readHost(each, SENTINEL_PORT))
  return { place: { sentinels, name: decode(name), login: {} }, number }
}

function readSocket(authority: string, path: string): string {
  if (authority || path.length < 2)
    throw new Error('must have three slashes before the path of a socket: unix:///run/valkey.sock')
  return decode(path)
}

function readHost(text: string, defaultPort: number): HostAndPort {
  const [, address, name, digits] = /^(?:\[([^\]]+)\]|([\w.-]+))(?::(\d+))?$/.exec(text) ?? []
  const port = Number(digits ?? defaultPort)
  const host = address ?? name
  if (!host || (address && !isIPv6(address)) || port < 1 || port > 65_535)
    throw new Error('must name a host, or host:port: [::1]:6379 for an address of IPv6')
  return { host, port }
}

function readCredentials(userinfo = ''): Credentials {
  const [, username = '', password] = /^([^:]*)(?::(.*))?$/s.exec(userinfo) ?? []
  return given({ username: decode(username), password: password && decode(password) })
}

function readParameters(query: string, known: Record<string, RegExp>): Record<string, string | undefined> {
  const pairs = [...new URLSearchParams(query)]
  for (const [name, value] of pairs)
    if (!known[name]?.test(value))
      throw new Error(
        `has a parameter that is none of ${Object.keys(known).join(', ')}, or has a wrong value`
      )
  return Object.fromEntries(pairs)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error('is not a URL: percent-encode what is special in its user and password')
  }
}

function given({ username, password }: { [Name in keyof Credentials]: string | undefined }): Credentials {
  return { ...(username && { username }), ...(password && { password }) }
}
