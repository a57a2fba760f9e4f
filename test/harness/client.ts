import { setTimeout as pause } from 'node:timers/promises'

/** How often a refused call is repeated after the time that its Retry-After names. */
const RETRIES = 5

export interface ClientAnswer {
  status: number
  /** Seconds, of a Retry-After. */
  retryAfter?: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any
}

/** A browser by `fetch`: for a server that really listens, if neither address nor header lines matter. */
export class Client {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()

  /** `cookie`: what it has already, as a Cookie header. */
  constructor(origin: string, cookie = '') {
    this.#origin = origin
    for (const pair of cookie.split('; ').filter(Boolean)) this.#keep(pair)
  }

  /** Rejects with a TypeError, as fetch does, where the connection breaks. */
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
   * Sends a request that has to succeed, and returns the body. Repeats what a busy server refused with 503. Throws an Error
   * on any other failure.
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

  /** The access token of the last sign-in or refresh. */
  get token(): string {
    return this.#cookies.get('access') ?? ''
  }

  /** All that it has, as a Cookie header. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #keep(pair: string): void {
    const [name = '', value = ''] = pair.split('=')
    this.#cookies.set(name, value)
  }
}
