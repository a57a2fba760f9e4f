import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Teardown } from './build.ts'

const FEED = '/oauth/revocations'

/** A round-robin load balancer in front of several instances. */
export interface Balancer {
  url: string
  /** The number of answers that the feed has given, and of all entries in them. */
  feed: { answers: number; entries: number }
}

export async function startBalancer(t: Teardown, targets: string[]): Promise<Balancer> {
  const feed = { answers: 0, entries: 0 }
  let turn = 0

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const target = targets[turn % targets.length] as string
    turn += 1
    const { status, type, body } = await ask(target, incoming)
    if (status === 200 && incoming.url?.startsWith(FEED)) {
      feed.answers += 1
      feed.entries += JSON.parse(body).entries.length
    }
    outgoing.writeHead(status, { 'content-type': type }).end(body)
  }

  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, feed }
}

async function ask(target: string, { url, method, headers }: IncomingMessage) {
  const sent = request(new URL(url ?? '/', target), {
    method,
    headers: { ...headers, connection: 'close' }
  }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const type = answer.headers['content-type'] ?? ''
  return { status: answer.statusCode ?? 0, type, body: await text(answer) }
}
