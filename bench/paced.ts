import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Shot } from './wrk.ts'

/** Sends `rate` POSTs per second, without waiting for replies. Returns the 99th percentile of their durations in milliseconds. */
export async function percentileAtRate(shot: Shot, rate: number, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true })
  const startedAt = performance.now()
  const sent: Array<Promise<number>> = []
  while (sent.length < rate * seconds) {
    // If a tick is late, the next POSTs follow at once.
    const dueAt = startedAt + (1000 * sent.length) / rate
    if (dueAt > performance.now()) await pause(dueAt - performance.now())
    sent.push(post(shot, agent))
  }
  const took = (await Promise.all(sent)).sort((a, b) => a - b)
  agent.destroy()
  return took[Math.ceil(0.99 * took.length) - 1] as number
}

function post({ url, headers, body }: Shot, agent: Agent): Promise<number> {
  const sentAt = performance.now()
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', headers, agent }, (response) => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - sentAt)
        else reject(new Error(`${url} answered ${response.statusCode}`))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
