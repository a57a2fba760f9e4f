import type { FastifyInstance, InjectOptions } from 'fastify'
import { assertDeclared } from './declared.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS'

/** A Set-Cookie header, taken apart. */
export interface ReceivedCookie {
  name: string
  value: string
  path?: string
  domain?: string
  maxAge?: number
  expires?: Date
  httpOnly?: boolean
  secure?: boolean
  sameSite?: string
}

export interface Answer {
  status: number
  headers: Record<string, unknown>
  cookies: ReceivedCookie[]
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any
  text: string
}

/** A browser on a page of Gatehouse's own, by `inject`: for an app in this process. Keeps cookies by name and path, sends the headers that a browser sends. Throws if a reply is not as the API reference declares it. */
export class Browser {
  readonly cookies = new Map<string, { value: string; path: string }>()
  readonly #app: FastifyInstance
  readonly #headers: Record<string, string>

  constructor(app: FastifyInstance, headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' }) {
    this.#app = app
    this.#headers = headers
  }

  get(url: string, headers?: Record<string, string>) {
    return this.request('GET', url, undefined, headers)
  }

  post(url: string, body?: unknown, headers?: Record<string, string>) {
    return this.request('POST', url, body, headers)
  }

  put(url: string, body?: unknown, headers?: Record<string, string>) {
    return this.request('PUT', url, body, headers)
  }

  patch(url: string, body?: unknown, headers?: Record<string, string>) {
    return this.request('PATCH', url, body, headers)
  }

  delete(url: string, headers?: Record<string, string>) {
    return this.request('DELETE', url, undefined, headers)
  }

  async request(
    method: Method,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<Answer> {
    const options: InjectOptions = {
      method,
      url,
      headers: { ...this.#headers, ...this.#cookieHeader(url), ...headers }
    }
    if (body !== undefined) options.payload = body as InjectOptions['payload'] & object
    const response = await this.#app.inject(options)
    const cookies = response.cookies as ReceivedCookie[]
    for (const cookie of cookies) this.#keep(cookie)
    const answer = {
      status: response.statusCode,
      headers: response.headers,
      cookies,
      body: isJson(response) ? JSON.parse(response.body) : undefined,
      text: response.body
    }
    assertDeclared(this.#app, method, url, answer)
    return answer
  }

  /** A second window with the same cookies as now, kept apart from here on. */
  clone(): Browser {
    const other = new Browser(this.#app, this.#headers)
    for (const [name, cookie] of this.cookies) other.cookies.set(name, { ...cookie })
    return other
  }

  value(name: string): string {
    const cookie = this.cookies.get(name)
    if (!cookie) throw new Error(`there is no cookie ${name}`)
    return cookie.value
  }

  #keep({ name, value, path = '/', maxAge }: ReceivedCookie): void {
    if (maxAge === 0) this.cookies.delete(name)
    else this.cookies.set(name, { value, path })
  }

  #cookieHeader(url: string): Record<string, string> {
    const path = url.split('?', 1)[0] as string
    const sent = [...this.cookies].filter(
      ([, cookie]) => cookie.path === '/' || path === cookie.path || path.startsWith(`${cookie.path}/`)
    )
    return sent.length === 0 ? {} : { cookie: sent.map(([name, { value }]) => `${name}=${value}`).join('; ') }
  }
}

function isJson({ headers, body }: { headers: Record<string, unknown>; body: string }): boolean {
  return body !== '' && String(headers['content-type']).includes('json')
}
