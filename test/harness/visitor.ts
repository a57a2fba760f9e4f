import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'

/** A loopback address that no proxy or service of a test uses. */
export const VISITOR_ADDRESS = '127.0.0.2'

/** Header lines exactly as they are sent: in any spelling, also repeated. */
export type HeaderLines = Array<[name: string, value: string]>

export interface Reply {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

/** A client that opens a new connection for each request. Keeps cookies and ignores their paths. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly #port: number
  readonly #tls: boolean

  /** Accepts any certificate if `tls` is set. */
  constructor(port: number, { tls = false } = {}) {
    this.#port = port
    this.#tls = tls
  }

  /** Sends a request. The body is chunked if the headers have no Content-Length. */
  async send(method: string, path: string, headers: HeaderLines = [], body?: Uint8Array): Promise<Reply> {
    const outgoing = this.#request(method, path, headers)
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    this.#keep(response)
    return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) }
  }

  /** Posts JSON as a page of the same origin does. */
  post(path: string, body?: object): Promise<Reply> {
    const json = Buffer.from(JSON.stringify(body ?? {}))
    const headers: HeaderLines = [
      ['Sec-Fetch-Site', 'same-origin'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(json.length)]
    ]
    return this.send('POST', path, headers, json)
  }

  /** Asks for another protocol. Resolves to the status, and to the connection if the server agreed. */
  async upgrade(path: string, headers: HeaderLines): Promise<{ status: number; socket?: Duplex }> {
    const outgoing = this.#request('GET', path, headers)
    outgoing.end()
    return new Promise((resolve, reject) => {
      outgoing.on('error', reject)
      outgoing.on('upgrade', ({ statusCode = 0 }, socket) => resolve({ status: statusCode, socket }))
      outgoing.on('response', (response) => {
        response.resume()
        resolve({ status: response.statusCode ?? 0 })
      })
    })
  }

  #request(method: string, path: string, headers: HeaderLines): ClientRequest {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const lines: HeaderLines = [
      ['Host', `${this.#tls ? 'localhost' : '127.0.0.1'}:${this.#port}`],
      ...headers,
      ...(cookie === '' ? [] : ([['Cookie', cookie]] as HeaderLines))
    ]
    const options = {
      host: '127.0.0.1',
      port: this.#port,
      localAddress: VISITOR_ADDRESS,
      agent: false as const,
      method,
      path,
      headers: lines.flat()
    }
    return this.#tls
      ? requestByTls({ ...options, servername: 'localhost', rejectUnauthorized: false })
      : request(options)
  }

  #keep({ headers }: IncomingMessage): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}
