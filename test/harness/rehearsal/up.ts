import type { Project, Service } from './compose.ts'
import type { Condition } from './compose-form.ts'
import type { Container } from './container.ts'
import type { Engine } from './engine.ts'
import { farewell } from './health.ts'

export interface UpOptions {
  /** How many containers of a service, where it is not as many as its file says. */
  scale?: Record<string, number>
  /** Is told of each step, in a line. */
  say?: (line: string) => void
}

/**
 * `docker compose up --wait`: every service without a profile, each as soon as what it depends on is as it wants it.
 * Rejects when a service ends, or stays unhealthy for longer than its file allows.
 */
export async function up(
  engine: Engine,
  project: Project,
  { scale = {}, say = () => {} }: UpOptions = {}
): Promise<void> {
  const services = project.services.filter(({ profiles }) => profiles.length === 0)
  const started = new Map<string, Promise<Container[]>>()
  const healthy = new Map<string, Promise<void>>()

  const start = (service: Service): Promise<Container[]> => {
    const running = started.get(service.name) ?? startNow(service)
    started.set(service.name, running)
    return running
  }

  const startNow = async (service: Service) => {
    const others = Object.entries(service.dependsOn)
    await Promise.all(
      others.map(([name, condition]) =>
        meet(
          services.find((each) => each.name === name),
          condition
        )
      )
    )
    return Promise.all(
      Array.from({ length: scale[service.name] ?? service.replicas }, () => engine.start(service))
    )
  }

  const meet = async (service: Service | undefined, condition: Condition) => {
    if (!service) throw new Error('a service without a profile depends on one with a profile')
    const containers = await start(service)
    if (condition === 'service_healthy') await becomeHealthy(service)
    if (condition === 'service_completed_successfully')
      for (const container of containers) await completed(container)
  }

  const becomeHealthy = (service: Service): Promise<void> => {
    const waiting = healthy.get(service.name) ?? waitFor(service)
    healthy.set(service.name, waiting)
    return waiting
  }

  const waitFor = async (service: Service) => {
    const containers = await start(service)
    await Promise.all(containers.map((container) => engine.healthy(container, service)))
    say(`${service.name}: ${containers.length} healthy`)
  }

  const completed = async (container: Container) => {
    if ((await container.ended) !== 0) throw new Error(await farewell(container))
  }

  await Promise.all(
    services.map((service) => (service.healthCheck === 'none' ? start(service) : becomeHealthy(service)))
  )
}

/** `docker compose down`: everything ends, dependants first. Resolves to the exit codes by container. */
export async function down(engine: Engine): Promise<Record<string, number>> {
  const codes: Record<string, number> = {}
  const needed = (service: Service) =>
    [...engine.containers.values()].some((other) => service.name in other.dependsOn)
  while (engine.containers.size > 0) {
    const free = [...engine.containers].filter(([, service]) => !needed(service))
    await Promise.all(
      free.map(async ([container, service]) => {
        codes[container.name] = await engine.stop(container, service)
      })
    )
  }
  return codes
}
