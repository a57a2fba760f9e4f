import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../harness/build.ts'
import { createKey, type Json, type TestKey } from './tokens.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

const METADATA = '/.well-known/oauth-authorization-server'

/** A server in Gatehouse's place that answers as a test wants it to. */
export interface Impostor {
  issuer: string
  /** What the JWKS shows at first, alone. */
  key: TestKey
  metadata: Handler
  jwks: Handler
  feed: Handler
  /** Path and query of every request so far, but for the metadata. */
  requests: string[]
  /** The bearer tokens that the feed was asked with. */
  bearers: Array<string | undefined>
  /** How often the JWKS was asked for. */
  fetches(): number
  /** A good token of a person's, signed by `key`. */
  token(changes?: Json): string
}

export async function impersonate(t: Teardown, port = 0): Promise<Impostor> {
  const key = createKey('good')
  const server = createServer((request, response) => {
    if (request.url === METADATA) return impostor.metadata(request, response)
    impostor.requests.push(request.url ?? '')
    if (request.url === '/.well-known/jwks.json') return impostor.jwks(request, response)
    impostor.bearers.push(request.headers.authorization)
    impostor.feed(request, response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const impostor: Impostor = {
    issuer,
    key,
    metadata: json({ issuer, protected_resources: [issuer] }),
    jwks: json({ keys: [key.jwk] }),
    feed: json({ entries: [], cursor: 'start' }),
    requests: [],
    bearers: [],
    fetches: () => impostor.requests.filter((url) => url.endsWith('/jwks.json')).length,
    token: (changes) => key.sign(person(issuer, changes))
  }
  return impostor
}

/** The claims of a person's token. */
export function person(issuer: string, changes: Json = {}): Json {
  const now = Math.floor(Date.now() / 1000)
  const ids = { iss: issuer, aud: issuer, sub: 'ada', sid: 'session', jti: 'token' }
  const times = { iat: now, exp: now + 300, auth_time: now }
  return { ...ids, ...times, roles: ['user'], scope: '', ver: 1, ...changes }
}

/** Tokens with one fault each, and the reason that the log of a guard gives for the refusal. */
export function faults({ issuer, token, key }: Impostor): Array<{ token: string; reason: string | RegExp }> {
  const now = Math.floor(Date.now() / 1000)
  const wrong = createKey(key.kid).sign(person(issuer))
  return [
    { token: token({ aud: 'http://other' }), reason: `expected audience ${issuer}, found http://other` },
    { token: token({ aud: ['a', 'b'] }), reason: `expected audience ${issuer}, found a b` },
    { token: token({ iss: 'http://other' }), reason: `expected issuer ${issuer}, found http://other` },
    { token: token({ exp: now - 12, iat: now - 300 }), reason: /^expired 1[2-9] s ago$/ },
    { token: token({ iat: now + 90 }), reason: /^not valid for another [89]\d s: compare the clocks$/ },
    { token: createKey('unknown').sign(person(issuer)), reason: 'the key that signed it is not published' },
    { token: wrong, reason: 'The token signature is invalid.' }
  ]
}

export function json(body: unknown, status = 200): Handler {
  return text(JSON.stringify(body), status)
}

export function text(body: string, status = 200): Handler {
  return (_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** Takes the request and never answers. */
export const hang: Handler = () => {}

export const hangUp: Handler = (request) => request.socket.destroy()

/** Begins an answer and never ends it. */
export const trickle: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":[')
}

export function redirect(location: string): Handler {
  return (_request, response) => response.writeHead(302, { location }).end()
}
