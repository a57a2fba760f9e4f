import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Teardown } from './build.ts'

/** A request, as an app behind a proxy received it. */
export interface Seen {
  method: string
  url: string
  /** All header lines in order, also repeated ones: names in lower case, values decoded as UTF-8. */
  headers: Array<[name: string, value: string]>
  /** SHA-256 of the body, in hexadecimal. */
  digest: string
}

export interface EchoApp {
  port: number
  /** All requests so far. */
  seen: Seen[]
}

/** Starts an app without sign-in. It answers every request with what it received, and accepts and echoes every upgrade. */
export async function startEchoApp(t: Teardown): Promise<EchoApp> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const entry = { ...headOf(request), digest: digestOf(await buffer(request)) }
    seen.push(entry)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(entry))
  })
  server.on('upgrade', (request, socket) => {
    seen.push({ ...headOf(request), digest: '' })
    socket.on('error', () => {})
    const protocol = request.headers.upgrade
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

function headOf({ method = '', url = '', rawHeaders }: IncomingMessage) {
  const headers: Seen['headers'] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2)
    headers.push([name.toLowerCase(), Buffer.from(value, 'latin1').toString('utf8')])
  }
  return { method, url, headers }
}
