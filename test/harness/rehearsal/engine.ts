import { join } from 'node:path'
import type { Project, Service } from './compose.ts'
import { type Container, startContainer } from './container.ts'
import { checkOf, untilHealthy } from './health.ts'
import { buildImage, type Image } from './image.ts'
import { createNetworks } from './network.ts'
import { type Runnable, recipeOf, runnable } from './recipe.ts'
import { runInImage } from './run-line.ts'
import { beforeExit, sweep } from './sweep.ts'

/** What Docker's engine does with a project, by namespaces of this machine. */
export interface Engine {
  /** Starts one more container of a service, and resolves once it is as the others may want it. */
  start(service: Service): Promise<Container>
  healthy(container: Container, service: Service): Promise<void>
  /** By the service's stop signal; it must be gone within its grace. Resolves with its exit code. */
  stop(container: Container, service: Service): Promise<number>
  containers: Map<Container, Service>
  volume(name: string): string
  /** Kills what is left, and leaves nothing of it but the volumes. */
  close(): Promise<void>
}

/** `folder` is an empty one for images and volumes, removed at the end. */
export async function createEngine(project: Project, image: Image, folder: string): Promise<Engine> {
  const tag = process.pid
  const networks = await createNetworks(tag, project.networks)
  const containers = new Map<Container, Service>()
  const images = new Map<string, Runnable>()
  let count = 0
  const clean = () =>
    sweep(
      tag,
      [...containers.keys()].map(({ pid }) => pid)
    )
  const callOff = beforeExit(clean)

  const imageOf = (service: Service) => {
    const known = images.get(service.image) ?? runnable(service, image, join(folder, 'images'))
    images.set(service.image, known)
    return known
  }

  return {
    containers,
    volume: (name) => join(folder, 'volumes', name),
    async start(service) {
      count += 1
      const image = imageOf(service)
      const name = `${service.name}-${count}`
      const place = await networks.join(service.name, service.networks)
      const recipe = recipeOf(name, service, image, { project, place, folder })
      const container = await startContainer(recipe)
      containers.set(container, service)
      void container.ended.then(() => place.leave())
      return container
    },
    healthy: (container, service) => untilHealthy(container, checkOf(service, imageOf(service))),
    async stop(container, service) {
      container.kill((service.stopSignal ?? imageOf(service).stopSignal) as NodeJS.Signals)
      const late = setTimeout(() => container.kill('SIGKILL'), service.stopGrace)
      const code = await container.ended
      clearTimeout(late)
      containers.delete(container)
      return code
    },
    async close() {
      for (const container of containers.keys()) container.kill('SIGKILL')
      await Promise.all([...containers.keys()].map(({ ended }) => ended))
      await networks.close()
      callOff()
      clean()
    }
  }
}

/** Builds the project's own image; RUN lines run in it, on this machine's network. */
export function build(project: string, folder: string): Promise<Image> {
  return buildImage(project, join(folder, 'build'), (image, command) => runInImage(image, command, folder))
}
