import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'

/** Not an address that any proxy or service of a test has, although it is this machine. */
export const VISITOR_ADDRESS = '127.0.0.2'

/** Header lines exactly as they are sent: any spelling, any number of times. */
export type HeaderLines = Array<[name: string, value: string]>

export interface Reply {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

/** Somebody by raw `node:http`: for proxies, with an address, header lines and a connection of their own each time. Keeps cookies, whatever their path. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  readonly #port: number
  readonly #tls: boolean

  /** By TLS it takes any certificate. */
  constructor(port: number, { tls = false } = {}) {
    this.#port = port
    this.#tls = tls
  }

  /** A body without a Content-Length among the headers is sent in chunks. */
  async send(method: string, path: string, headers: HeaderLines = [], body?: Uint8Array): Promise<Reply> {
    const outgoing = this.#request(method, path, headers)
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    this.#keep(response)
    return { status: response.statusCode ?? 0, headers: response.headers, text: await text(response) }
  }

  /** As a page of this site does it. */
  post(path: string, body?: object): Promise<Reply> {
    const json = Buffer.from(JSON.stringify(body ?? {}))
    const headers: HeaderLines = [
      ['Sec-Fetch-Site', 'same-origin'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(json.length)]
    ]
    return this.send('POST', path, headers, json)
  }

  /** Asks for another protocol: the status of the reply, and the connection where it was granted. */
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
