import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { text } from 'node:stream/consumers'
import type { Teardown } from './build.ts'

/** How a stream without content ends: with its headers, or in an empty DATA frame after them. */
export type StreamEnd = 'in its headers' | 'in an empty frame'

/** Somebody on one HTTP/2 connection. Keeps cookies, whatever their path. */
export class Http2Visitor {
  readonly #session: ClientHttp2Session
  readonly #cookies = new Map<string, string>()

  constructor(t: Teardown, port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`)
    t.teardown(() => this.#session.close())
  }

  /** Posts JSON. Resolves to the status of the reply. */
  post(path: string, body: object): Promise<number> {
    return this.#post(path, { 'content-type': 'application/json' }, JSON.stringify(body))
  }

  /** Posts nothing. Resolves to the status of the reply. */
  postNothing(path: string, end: StreamEnd): Promise<number> {
    return this.#post(path, {}, end === 'in its headers' ? undefined : '')
  }

  async #post(path: string, headers: Record<string, string>, body: string | undefined): Promise<number> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const stream = this.#session.request(
      {
        ':method': 'POST',
        ':path': path,
        'sec-fetch-site': 'same-origin',
        ...(cookie !== '' && { cookie }),
        ...headers
      },
      { endStream: body === undefined }
    )
    if (body !== undefined) stream.end(body)
    const [reply] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    await text(stream)
    for (const line of reply['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    return Number(reply[':status'])
  }
}
