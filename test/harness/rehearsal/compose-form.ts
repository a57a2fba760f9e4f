export interface Mount {
  kind: 'volume' | 'bind'
  /** A volume's name, or a file's path. */
  source: string
  target: string
  readOnly: boolean
}

export type Condition = 'service_started' | 'service_healthy' | 'service_completed_successfully'

/** A service as it stands in the file, once `composeFaults` found nothing in it. */
export interface RawService {
  image: string
  build?: string
  command?: string[]
  user?: string
  environment?: Record<string, string | number | null>
  volumes?: string[]
  tmpfs?: string[]
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  networks?: string[]
  network_mode?: string
  sysctls?: Record<string, number>
  ulimits?: Record<string, number>
  mem_limit?: string
  pids_limit?: number
  ports?: string[]
  profiles?: string[]
  healthcheck?: Partial<Record<'interval' | 'timeout' | 'start_period', string>> & {
    disable?: boolean
    test?: string[]
    retries?: number
  }
  depends_on?: Record<string, { condition: Condition }>
  stop_signal?: string
  stop_grace_period?: string
  init?: boolean
  deploy?: { replicas?: number }
}

/** The file, with its variables filled in and its merges done. */
export interface RawProject {
  name: string
  services: Record<string, RawService>
  networks: Record<string, { internal?: boolean } | null>
  volumes: Record<string, null>
}

/** `source:target[:ro]`: a path of the folder begins with a dot. */
export function mountOf(text: string): Mount {
  const [source = '', target = '', mode] = text.split(':')
  return { kind: source.startsWith('.') ? 'bind' : 'volume', source, target, readOnly: mode === 'ro' }
}
