import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy between the service and its database or Valkey that a test can cut, stall, mend and redirect. */
export interface TcpProxy {
  port: number
  /** Breaks every connection and refuses new ones. */
  cut(): void
  /** Keeps connections open, but forwards nothing. */
  stall(): void
  mend(): void
  /** Forwards new connections to another port. Open ones stay where they are. */
  redirect(port: number): void
  close(): Promise<void>
}

export async function createTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<[Socket, Socket]>()
  let isCut = false
  let { port } = target

  const server = createServer((inside) => {
    if (isCut) return void inside.destroy()
    const outside = connect({ ...target, port })
    const pair: [Socket, Socket] = [inside, outside]
    pairs.add(pair)
    inside.pipe(outside).pipe(inside)
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        for (const each of pair) each.destroy()
        pairs.delete(pair)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const destroyAll = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true
      destroyAll()
    },
    stall() {
      for (const [inside, outside] of pairs) {
        inside.unpipe(outside)
        outside.unpipe(inside)
      }
    },
    mend() {
      isCut = false
    },
    redirect(other) {
      port = other
    },
    async close() {
      destroyAll()
      server.close()
      await once(server, 'close')
    }
  }
}
