import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request as overHttp, type RequestOptions } from 'node:http'
import { request as overHttps, Agent as SecureAgent } from 'node:https'
import { buffer } from 'node:stream/consumers'

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  content: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  body: any
}

export interface Question {
  body?: object
  headers?: Record<string, string>
}

/** https://localhost as the container at this address serves it, believed by its authority's certificate alone. */
export class Site {
  readonly #address: string
  readonly #agent: SecureAgent

  constructor(address: string, authority: string) {
    this.#address = address
    this.#agent = new SecureAgent({
      keepAlive: true,
      ca: authority,
      servername: 'localhost',
      minVersion: 'TLSv1.2'
    })
  }

  /** A browser of its own, with cookies. */
  visitor(): SiteVisitor {
    return new SiteVisitor((method, path, question) => {
      const options = { ...this.#options(method, path, question), port: 443, agent: this.#agent }
      return answerOf(overHttps(options), question)
    })
  }

  /** The same by plain http. */
  plain(method: string, path: string): Promise<Answer> {
    return answerOf(overHttp({ ...this.#options(method, path, {}), port: 80, agent: new Agent() }), {})
  }

  close(): void {
    this.#agent.destroy()
  }

  #options(method: string, path: string, { headers = {} }: Question): RequestOptions {
    return { host: this.#address, method, path, timeout: 15_000, headers: { Host: 'localhost', ...headers } }
  }
}

type Send = (method: string, path: string, question: Question) => Promise<Answer>

export class SiteVisitor {
  readonly cookies = new Map<string, string>()
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  /** As a page of the site does it. */
  async ask(method: string, path: string, { body, headers = {} }: Question = {}): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const json = body ?? (method === 'POST' ? {} : undefined)
    const proof = { 'Sec-Fetch-Site': 'same-origin', ...(cookie && { Cookie: cookie }) }
    const answer = await this.#send(method, path, {
      ...(json && { body: json }),
      headers: { ...proof, ...headers }
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.cookies.set(name, value)
    }
    return answer
  }

  /** The same where nothing but success will do. Resolves to the body. */
  async must(method: string, path: string, body?: object): Promise<Answer['body']> {
    const answer = await this.ask(method, path, body ? { body } : {})
    if (answer.status > 299) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.content}`)
    return answer.body
  }
}

async function answerOf(outgoing: ReturnType<typeof overHttp>, { body }: Question): Promise<Answer> {
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
  if (body) outgoing.setHeader('Content-Type', 'application/json')
  outgoing.end(body && JSON.stringify(body))
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const content = await buffer(response)
  const isJson = /json/.test(response.headers['content-type'] ?? '') && !response.headers['content-encoding']
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    content,
    body: isJson ? JSON.parse(content.toString()) : undefined
  }
}
