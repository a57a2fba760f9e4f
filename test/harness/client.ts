export interface ClientAnswer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any
}

/** A browser, or whoever has an access token, that talks to a really listening server. */
export class Client {
  readonly #origin: string
  readonly #cookies = new Map<string, string>()
  readonly #bearer: string | undefined

  /** With a bearer token no cookie is sent. */
  constructor(origin: string, bearer?: string) {
    this.#origin = origin
    this.#bearer = bearer
  }

  /** Rejects with a TypeError, as fetch does, where the connection breaks. */
  async ask(method: string, path: string, body?: object): Promise<ClientAnswer> {
    const response = await fetch(this.#origin + path, {
      method,
      headers: { ...this.#proof(), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) })
    })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';', 1)[0] as string).split('=')
      this.#cookies.set(name, value)
    }
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  /** The same where nothing but success will do: throws an Error otherwise. Returns the body. */
  async must(method: string, path: string, body?: object): Promise<ClientAnswer['body']> {
    const answer = await this.ask(method, path, body)
    if (answer.status > 299)
      throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** The access token of the last sign-in or refresh. */
  get token(): string {
    return this.#cookies.get('access') ?? ''
  }

  #proof(): Record<string, string> {
    if (this.#bearer !== undefined) return { authorization: `Bearer ${this.#bearer}` }
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { 'sec-fetch-site': 'same-origin', cookie }
  }
}
