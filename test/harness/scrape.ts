import type { TestApp } from './build.ts'
import { parseExposition } from './exposition.ts'

export const TOKEN = 'Kx7vQ2mZ9pLr4tWs6yBd8fGh1jNc3kEa'
export const withToken = { AUTH_METRICS: TOKEN }
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
export const HTTP = 'gatehouse_http_request_duration_seconds'

export async function scrape({ browser }: TestApp) {
  const { text } = await browser({}).get('/metrics', bearer(TOKEN))
  return parseExposition(text)
}

/** Returns the series of a metric that are not zero, by their label values. */
export async function counts(service: TestApp, name: string): Promise<Record<string, number>> {
  const samples = (await scrape(service)).get(name)?.samples ?? []
  const named = samples.filter((sample) => sample.name === name && sample.value !== 0)
  return Object.fromEntries(named.map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

export async function gauge(service: TestApp, name: string): Promise<number | undefined> {
  return (await scrape(service)).get(name)?.samples[0]?.value
}

/** Returns the number of requests measured so far, by method, route and status. */
export async function requests(service: TestApp): Promise<Record<string, number>> {
  const samples = (await scrape(service)).get(HTTP)?.samples ?? []
  const totals = samples.filter(({ name }) => name === `${HTTP}_count`)
  return Object.fromEntries(
    totals.map(({ labels: { method, route, status }, value }) => [`${method} ${route} ${status}`, value])
  )
}
