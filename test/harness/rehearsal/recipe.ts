import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Project, Service } from './compose.ts'
import type { Recipe } from './container.ts'
import type { Image } from './image.ts'
import type { Place } from './network.ts'
import { furnish } from './root-folder.ts'
import { standIns } from './stand-ins.ts'

/** An image, ready to run. */
export type Runnable = Image & { entryPoint: string | undefined; hasNode: boolean }

/** The image of a service: the built one, or what stands in for somebody else's, made in this folder. */
export function runnable(service: Service, built: Image, folder: string): Runnable {
  const repository = service.builds ? 'node' : service.image.replace(/[:@].*$/, '')
  const standIn = standIns[repository]
  if (!standIn) throw new Error(`${service.name}: nothing here stands in for the image ${service.image}`)
  if (service.builds) return { ...built, entryPoint: undefined, hasNode: true }
  const root = join(folder, repository.replace('/', '-'))
  mkdirSync(root, { recursive: true })
  furnish(root, standIn)
  return { ...standIn, root, base: service.image, labels: {}, hasNode: false }
}

// What Docker's init does: signals go to the command, whose exit code is its own.
const INIT = `
for name in TERM INT; do trap "kill -$name \\$child" $name; done
"$@" & child=$!
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code`

export interface Surroundings {
  project: Project
  place: Place
  folder: string
}

/** How to start a container of that service from its image. */
export function recipeOf(
  name: string,
  service: Service,
  image: Runnable,
  { project, place, folder }: Surroundings
): Recipe {
  const own = join(folder, 'containers', name)
  const root = join(own, 'root')
  mkdirSync(root, { recursive: true })
  writeFileSync(join(own, 'resolv.conf'), place.nameServer ? `nameserver ${place.nameServer}\n` : '')
  const mounts = service.mounts.map(({ kind, source, target, readOnly }) => {
    if (kind === 'bind') placeFile(image.root, target)
    return {
      source:
        kind === 'bind'
          ? join(project.folder, source)
          : readyVolume(join(folder, 'volumes', source), image.root, target),
      target,
      readOnly
    }
  })
  for (const path of service.tmpfs) mkdirSync(join(image.root, path), { recursive: true })
  const command = service.command ?? image.command
  const entered = image.entryPoint ? ['sh', '-ec', image.entryPoint, 'entry-point', ...command] : command
  return {
    name,
    image: image.root,
    root,
    hasNode: image.hasNode,
    place,
    mounts: [...mounts, { source: join(own, 'resolv.conf'), target: '/etc/resolv.conf', readOnly: true }],
    tmpfs: service.tmpfs,
    readOnly: service.readOnly,
    sysctls: service.sysctls,
    ulimits: service.ulimits,
    environment: { ...image.environment, ...service.environment },
    folder: image.folder,
    user: service.user ?? image.user,
    capabilities: service.capabilities,
    command: service.init ? ['sh', '-c', INIT, 'init', ...entered] : entered
  }
}

/** A volume's folder. A new one takes owner and mode of the image's folder in that place. */
function readyVolume(path: string, root: string, target: string): string {
  const place = join(root, target)
  mkdirSync(place, { recursive: true })
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true })
    const { uid, gid, mode } = statSync(place)
    chownSync(path, uid, gid)
    chmodSync(path, mode & 0o7777)
  }
  return path
}

function placeFile(root: string, target: string): void {
  mkdirSync(join(root, target, '..'), { recursive: true })
  if (!existsSync(join(root, target))) writeFileSync(join(root, target), '')
}
