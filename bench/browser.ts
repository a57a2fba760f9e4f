import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** One client on one kept-alive connection, with the cookies of its last reply. Lightweight: it shares the server's cores. */
export class Browser {
  cookies = new Map<string, string>()
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #origin: URL
  readonly #issuer: string

  constructor(origin: string, issuer: string) {
    this.#origin = new URL(origin)
    this.#issuer = issuer
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Sends a POST. Rejects if the status is not `expected`. */
  post(path: string, expected: number, body?: unknown): Promise<void> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers: Record<string, string | number> = {
      origin: this.#issuer,
      'content-length': payload?.length ?? 0
    }
    if (payload !== undefined) headers['content-type'] = 'application/json'
    if (this.cookies.size > 0) headers.cookie = this.cookieHeader

    const { hostname: host, port } = this.#origin
    return new Promise((resolve, reject) => {
      const sent = request({ host, port, path, method: 'POST', headers, agent: this.#agent }, (response) => {
        response.resume()
        response.on('end', () => {
          if (response.statusCode !== expected)
            return reject(new Error(`${path} answered ${response.statusCode}`))
          this.#keep(response.headers)
          resolve()
        })
      })
      sent.on('error', reject)
      sent.end(payload)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  #keep({ 'set-cookie': lines = [] }: IncomingHttpHeaders): void {
    for (const line of lines) {
      const pair = line.slice(0, line.indexOf(';'))
      const equals = pair.indexOf('=')
      this.cookies.set(pair.slice(0, equals), pair.slice(equals + 1))
    }
  }
}
