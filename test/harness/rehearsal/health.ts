import type { Service } from './compose.ts'
import type { Container } from './container.ts'
import type { HealthCheck } from './dockerfile.ts'
import type { Image } from './image.ts'

/** Health is asked at least this often, also where the file would wait for longer. Milliseconds. */
const PATIENCE = 400

/** What the compose file says of a service's health, or else its image. */
export function checkOf(service: Service, image: Image): HealthCheck | undefined {
  return service.healthCheck === 'none' ? undefined : (service.healthCheck ?? image.healthCheck)
}

/** Rejects when the check has failed for as long as Docker would have waited. */
export async function untilHealthy(container: Container, check: HealthCheck | undefined): Promise<void> {
  if (!check) throw new Error(`${container.name} has no health check to wait for`)
  const deadline = performance.now() + check.startPeriod + check.retries * check.interval
  for (;;) {
    if (container.hasEnded()) throw new Error(await farewell(container))
    const words =
      check.test[0] === 'CMD-SHELL' ? ['/bin/sh', '-c', check.test[1] as string] : check.test.slice(1)
    const { code, output } = await container.exec(words, check.timeout)
    if (code === 0) return
    if (performance.now() > deadline)
      throw new Error(`${container.name} is unhealthy: ${words.join(' ')} ended with ${code} ${output}`)
    await new Promise((resolve) => setTimeout(resolve, Math.min(check.interval, PATIENCE)))
  }
}

/** How it ended, and what it said last. */
export async function farewell(container: Container): Promise<string> {
  return `${container.name} ended with ${await container.ended}: ${container.lines.slice(-5).join('\n')}`
}
