import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contextOf, copy } from './copy.ts'
import { type HealthCheck, readDockerfile, type Stage, type Step } from './dockerfile.ts'

/** What a Dockerfile has made: a root folder, and how a container of it runs. */
export interface Image {
  root: string
  base: string
  environment: Record<string, string>
  labels: Record<string, string>
  user: string
  folder: string
  command: string[]
  stopSignal: string
  healthCheck: HealthCheck | undefined
}

/** Carries out a RUN line in a stage. */
export type Run = (image: Image, command: string) => Promise<void>

/** Replays the Dockerfile of a project, stage by stage, into new folders under `target`. Resolves to the last stage's. */
export async function buildImage(project: string, target: string, run: Run): Promise<Image> {
  const stages = new Map<string, Image>()
  let last: Image | undefined
  for (const [index, stage] of readDockerfile(readFileSync(join(project, 'Dockerfile'), 'utf8')).entries()) {
    const image = emptyImage(stage, join(target, stage.name ?? `stage${index}`))
    for (const step of stage.steps) await replay(step, image, { project, stages, run })
    stages.set(stage.name ?? String(index), image)
    last = image
  }
  if (!last) throw new Error('the Dockerfile has no FROM')
  return last
}

function emptyImage({ base }: Stage, root: string): Image {
  mkdirSync(root, { recursive: true })
  const rest = { user: 'root', folder: '/', command: [], stopSignal: 'SIGTERM', healthCheck: undefined }
  return { root, base, environment: {}, labels: {}, ...rest }
}

interface Kitchen {
  project: string
  stages: Map<string, Image>
  run: Run
}

async function replay(step: Step, image: Image, { project, stages, run }: Kitchen): Promise<void> {
  switch (step.keyword) {
    case 'COPY': {
      const source = step.from === undefined ? contextOf(project) : stageNamed(stages, step.from)
      return copy(source, step.sources, join(image.root, image.folder), step.target)
    }
    case 'RUN':
      return run(image, step.command)
    case 'WORKDIR':
      image.folder = step.value
      mkdirSync(join(image.root, step.value), { recursive: true })
      return
    case 'ENV':
      Object.assign(image.environment, step.values)
      return
    case 'LABEL':
      Object.assign(image.labels, step.values)
      return
    case 'USER':
      image.user = step.value
      return
    case 'STOPSIGNAL':
      image.stopSignal = step.value
      return
    case 'CMD':
      image.command = step.words
      return
    case 'HEALTHCHECK':
      image.healthCheck = step.check
      return
    case 'EXPOSE':
      return
  }
}

function stageNamed(stages: Map<string, Image>, name: string) {
  const stage = stages.get(name)
  if (!stage) throw new Error(`COPY --from=${name}: there is no such stage before it`)
  return { folder: stage.root, ignores: () => false }
}
