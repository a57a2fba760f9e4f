import { setTimeout as pause } from 'node:timers/promises'

/** How often a refused call is repeated, each time after its Retry-After. */
const RETRIES = 5

export interface ClientAnswer {
  status: number
  /** The Retry-After header, in seconds. */
  retryAfter?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any
}

/** A browser that calls a listening server over the network. */
export class Client {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  /** `cookie` holds its first cookies, as a Cookie header. */
  constructor(origin: string, cookie = '') {
    this.#origin = origin
    for (const pair of cookie.split('; ').filter(Boolean)) this.#keep(pair)
  }

  /** Sends a request. Rejects with a TypeError, as fetch does, if the connection breaks. */
  async ask(method: string, path: string, body?: object): Promise<ClientAnswer> {
    const response = await fetch(this.#origin + path, {
      method,
      headers: {
        'sec-fetch-site': 'same-origin',
        cookie: this.cookie,
        ...(body && { 'content-type': 'application/json' })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line.split(';', 1)[0] as string)
    const text = await response.text()
    const retryAfter = response.headers.get('retry-after')
    return {
      status: response.status,
      ...(retryAfter && { retryAfter: Number(retryAfter) }),
      body: text === '' ? undefined : JSON.parse(text)
    }
  }

  /**
   * Sends a request that must succeed, and returns the body. Repeats a request that a busy server refused with 503. Throws an
   * Error on any other failure.
   */
  async must(method: string, path: string, body?: object): Promise<ClientAnswer['body']> {
    let answer = await this.ask(method, path, body)
    for (let retry = 0; retry < RETRIES && answer.status === 503; retry += 1) {
      await pause((answer.retryAfter ?? 1) * 1000)
      answer = await this.ask(method, path, body)
    }
    if (answer.status > 299)
      throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** Returns the access token of the last sign-in or refresh. */
  get token(): string {
    return this.#cookies.get('access') ?? ''
  }

  /** Returns all cookies as a Cookie header. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #keep(pair: string): void {
    const [name = '', value = ''] = pair.split('=')
    this.#cookies.set(name, value)
  }
}
