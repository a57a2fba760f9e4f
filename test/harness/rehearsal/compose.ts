import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { composeFaults } from './compose-faults.ts'
import { type Condition, type Mount, mountOf, type RawProject, type RawService } from './compose-form.ts'
import { type HealthCheck, milliseconds } from './dockerfile.ts'

/** One service as the file says it, after variables and merges. */
export interface Service {
  name: string
  image: string
  builds: boolean
  command: string[] | undefined
  user: string | undefined
  environment: Record<string, string>
  mounts: Mount[]
  tmpfs: string[]
  readOnly: boolean
  /** Capabilities that it keeps, such as `CHOWN`. */
  capabilities: string[]
  networks: string[]
  /** Of its network namespace, by their names. */
  sysctls: Record<string, number>
  /** `nofile` and `core`: the rehearsal sets them. */
  ulimits: Record<string, number>
  /** What only an engine can hold: bytes as the file writes them, and processes. */
  memory: string | undefined
  processes: number | undefined
  ports: string[]
  profiles: string[]
  /** `none`: whatever its image says. */
  healthCheck: HealthCheck | 'none' | undefined
  dependsOn: Record<string, Condition>
  stopSignal: string | undefined
  /** Milliseconds until it is killed. */
  stopGrace: number
  /** Its first process is one that passes signals on and waits, the command its child. */
  init: boolean
  /** How many containers `up` starts. */
  replicas: number
}

export interface Project {
  folder: string
  services: Service[]
  networks: Array<{ name: string; internal: boolean }>
  volumes: string[]
}

/** Reads docker-compose.yml of a folder in this environment (a shell's, or .env). Throws with every fault that it has. */
export function readCompose(folder: string, shell: Record<string, string> = {}): Project {
  const text = readFileSync(join(folder, 'docker-compose.yml'), 'utf8')
  const raw = interpolated(parse(text, { merge: true }), shell) as RawProject
  const faults = composeFaults(raw, folder)
  if (faults.length > 0)
    throw new Error(`docker-compose.yml:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
  return {
    folder,
    services: Object.entries(raw.services).map(([name, service]) => serviceOf(name, service, shell)),
    networks: Object.entries(raw.networks).map(([name, network]) => ({
      name,
      internal: network?.internal ?? false
    })),
    volumes: Object.keys(raw.volumes)
  }
}

/** `${NAME:-default}` and `$$`, everywhere; any other dollar sign is a fault. */
function interpolated(value: unknown, shell: Record<string, string>): unknown {
  if (typeof value === 'string') return filled(value, shell)
  if (Array.isArray(value)) return value.map((item) => interpolated(item, shell))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const done = interpolated(item, shell)
      // Compose reads what a variable holds as the type that the key has.
      return [key, key === 'replicas' ? Number(done) : done]
    })
  )
}

function filled(text: string, shell: Record<string, string>): string {
  return text.replace(/\$(\$|\{(\w+):-([^}]*)\})?/g, (whole, form, name, fallback) => {
    if (form === '$') return '$'
    if (name === undefined)
      throw new Error(`docker-compose.yml: the rehearsal does not know ${whole} in ${text}`)
    return shell[name] || fallback
  })
}

function serviceOf(name: string, raw: RawService, shell: Record<string, string>): Service {
  return {
    name,
    image: raw.image,
    builds: raw.build !== undefined,
    command: raw.command,
    user: raw.user,
    environment: environmentOf(raw, shell),
    mounts: (raw.volumes ?? []).map(mountOf),
    tmpfs: raw.tmpfs ?? [],
    readOnly: raw.read_only ?? false,
    capabilities: raw.cap_add ?? [],
    networks: raw.networks ?? [],
    sysctls: raw.sysctls ?? {},
    ulimits: raw.ulimits ?? {},
    memory: raw.mem_limit,
    processes: raw.pids_limit,
    ports: (raw.ports ?? []).map(String),
    profiles: raw.profiles ?? [],
    healthCheck: healthCheckOf(raw),
    dependsOn: Object.fromEntries(
      Object.entries(raw.depends_on ?? {}).map(([other, { condition }]) => [other, condition])
    ),
    stopSignal: raw.stop_signal,
    stopGrace: milliseconds(raw.stop_grace_period ?? '10s'),
    init: raw.init ?? false,
    replicas: raw.deploy?.replicas ?? 1
  }
}

// A name without a value is passed on from the shell, where it is set there.
function environmentOf(
  { environment = {} }: RawService,
  shell: Record<string, string>
): Record<string, string> {
  const entries = Object.entries(environment).map(([name, value]) => [
    name,
    value === null ? shell[name] : String(value)
  ])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

// What is left out is as in Docker: 30 s, 30 s, 0 s and three tries.
function healthCheckOf({ healthcheck: raw }: RawService): Service['healthCheck'] {
  if (!raw) return undefined
  if (raw.disable || !raw.test) return 'none'
  return {
    test: raw.test,
    interval: milliseconds(raw.interval ?? '30s'),
    timeout: milliseconds(raw.timeout ?? '30s'),
    startPeriod: milliseconds(raw.start_period ?? '0s'),
    retries: raw.retries ?? 3
  }
}
