// Polls a feed 10,000 times, and prints by how many bytes the heap grew after the first 2,000. Needs --expose-gc.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'

const [WARM_UP, POLLS] = [2000, 10_000]

// The verifier rests between two polls: here that time passes at once.
const { setImmediate, setTimeout } = timers
timers.setTimeout = (_delay, value) => setImmediate(value)
syncBuiltinESMExports()
const { createVerifier } = await import('@gatehouse/verifier')

let polls = 0
const server = createServer((_request, response) => {
  polls += 1
  response.setHeader('content-type', 'application/json').end('{"entries":[],"cursor":"1"}')
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${server.address().port}`
const verifier = createVerifier({ issuer, audience: issuer, revocations: { token: 'token' }, onWarning() {} })

const before = await heapAfter(WARM_UP)
const after = await heapAfter(POLLS)
verifier.close()
server.close()
server.closeAllConnections()
process.stdout.write(`${after - before}\n`)

async function heapAfter(count) {
  while (polls < count) await setTimeout(5)
  // What a first collection sets free is collected by the next one.
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc()
    await setImmediate()
  }
  return process.memoryUsage().heapUsed
}
