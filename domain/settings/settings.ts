import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { type SettingName, Settings, type SettingValues } from '../../schemas/settings.ts'
import { isReadableByOthers } from '../file-mode.ts'
import { isLoopback, settingFaults, settingWarnings } from './checks.ts'
import type { Config } from './config.ts'
import { meantSetting } from './meant.ts'

/** `file` is the one that NAME_FILE names. */
export type SettingSource = 'default' | 'environment' | '.env' | 'file'

export interface LoadedSettings {
  config: Config
  sources: Record<SettingName, SettingSource>
  warnings: string[]
}

/** An error with all faults of the settings, one line each. Exit code 78 (EX_CONFIG). */
export class SettingsError extends Error {
  readonly faults: string[]

  constructor(faults: string[]) {
    super(`Wrong settings:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.name = 'SettingsError'
    this.faults = faults
  }
}

interface Annotations {
  secret?: boolean
  hint?: string
  default: unknown
  description: string
}

const names = Object.keys(Settings.properties) as SettingName[]

export function annotationsOf(name: SettingName): Annotations {
  return Settings.properties[name] as unknown as Annotations
}

/** Variables that Kubernetes sets in every pod if a Service's name begins with `auth`. The value of `_PORT` is an address. */
const SERVICE_LINK =
  /^AUTH_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//

/**
 * Reads every setting from the environment, and secrets also from the file that NAME_FILE names. `readFile` returns a file's
 * text or throws. `modeOf` returns its permissions; without it they are not checked. Throws a SettingsError with all faults.
 */
export function loadSettings(
  env: Record<string, string | undefined>,
  readFile: (path: string) => string,
  modeOf?: (path: string) => number
): LoadedSettings {
  const { faults, ...loaded } = readSettings(env, readFile, modeOf)
  if (faults.length > 0) throw new SettingsError(faults)
  return loaded
}

/** Reads the settings and returns the faults with them. A setting that cannot be read has its default. */
export function readSettings(
  env: Record<string, string | undefined>,
  readFile: (path: string) => string,
  modeOf: (path: string) => number = () => 0
): LoadedSettings & { faults: string[] } {
  const faults = unknownNames(env)
  const raw: Record<string, unknown> = {}
  const sources = {} as Record<SettingName, SettingSource>
  const warnings: string[] = []
  for (const name of names) {
    try {
      const { source, value } = lookUp(name, env, readFile)
      sources[name] = source
      const file = env[`${name}_FILE`]
      if (source === 'file' && file && isReadableByOthers(modeOf(file)))
        warnings.push(`${name}_FILE can be read by every user of this machine: run chmod o-rwx on it`)
      raw[name] = convert(name, value)
    } catch (error) {
      faults.push(`${name} ${(error as Error).message}`)
      raw[name] = annotationsOf(name).default
    }
  }
  const config = withDerivedDefaults(Value.Decode(Settings, raw))
  faults.push(...settingFaults(config, (path) => canRead(path, readFile)))
  return { config, sources, warnings: [...warnings, ...settingWarnings(config)], faults }
}

function unknownNames(env: Record<string, string | undefined>): string[] {
  const known = new Set<string>(names)
  for (const name of names) if (annotationsOf(name).secret) known.add(`${name}_FILE`)
  return Object.keys(env)
    .filter((name) => name.startsWith('AUTH_') && !known.has(name) && !isServiceLink(name, env[name]))
    .map((name) => {
      const meant = meantSetting(name, [...known])
      return `${name} is not a setting of Gatehouse${meant ? `. Did you mean ${meant}?` : ''}`
    })
}

function isServiceLink(name: string, value = ''): boolean {
  return SERVICE_LINK.test(name) || (/^AUTH_(\w+_)?PORT$/.test(name) && SERVICE_ADDRESS.test(value))
}

function lookUp(
  name: SettingName,
  env: Record<string, string | undefined>,
  readFile: (path: string) => string
): { source: SettingSource; value: string | undefined } {
  const inline = env[name]
  const file = annotationsOf(name).secret ? env[`${name}_FILE`] : undefined
  if (inline !== undefined && file !== undefined)
    throw new Error(`is set twice: by itself and by ${name}_FILE`)
  if (file !== undefined) return { source: 'file', value: notEmpty(readSecret(name, file, readFile)) }
  if (inline !== undefined) return { source: 'environment', value: notEmpty(inline) }
  return { source: 'default', value: undefined }
}

function readSecret(name: SettingName, path: string, readFile: (path: string) => string): string {
  try {
    return readFile(path).trim()
  } catch (error) {
    throw new Error(`cannot be read from the file that ${name}_FILE names: ${(error as Error).message}`)
  }
}

function canRead(path: string, readFile: (path: string) => string): boolean {
  try {
    readFile(path)
    return true
  } catch {
    return false
  }
}

function notEmpty(value: string): string {
  if (value.trim() === '') throw new Error('is empty: give it a value or leave it out')
  return value
}

function convert(name: SettingName, value: string | undefined): unknown {
  const schema = Settings.properties[name]
  const { default: fallback, hint } = annotationsOf(name)
  const converted = value === undefined ? fallback : fromText(schema, value)
  const [error] = Value.Errors(schema, converted)
  if (!error) return converted
  if (error.keyword === 'enum') {
    throw new Error(
      `must be one of ${(error.params as { allowedValues: string[] }).allowedValues.join(', ')}`
    )
  }
  throw new Error(hint ?? error.message)
}

// Convert alone would read `false` as 0, and so switch a limit off.
function fromText(schema: TSchema, value: string): unknown {
  return 'type' in schema && schema.type === 'integer' && !/^\d+$/.test(value)
    ? value
    : Value.Convert(schema, value)
}

function withDerivedDefaults(values: SettingValues): Config {
  const issuer = values.AUTH_ISSUER || new URL(`http://localhost:${values.PORT}`).origin
  return {
    ...values,
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: values.AUTH_AUDIENCE || issuer,
    AUTH_DOCS: values.AUTH_DOCS || (isLoopback(URL.parse(issuer)?.hostname ?? '') ? 'on' : 'off'),
    DATABASE_URL: values.DATABASE_URL || `file:${values.AUTH_DATA_DIR}/gatehouse.db`,
    secure: issuer.startsWith('https:')
  }
}

/** One row of `gatehouse config`: the value as the operator wrote it, a secret masked. */
export interface ShownSetting {
  name: SettingName
  value: string
  source: SettingSource
}

/** Returns every setting with its effective value and its source. Masks secrets. */
export function showSettings(
  { config, sources }: LoadedSettings,
  env: Record<string, string | undefined>
): ShownSetting[] {
  return names.map((name) => ({
    name,
    value: shownValue(name, config, sources[name], env),
    source: sources[name]
  }))
}

function shownValue(
  name: SettingName,
  config: Config,
  source: SettingSource,
  env: Record<string, string | undefined>
): string {
  const { secret, default: fallback } = annotationsOf(name)
  if (secret && source !== 'default') return '********'
  if (source === 'environment' || source === '.env') return env[name] as string
  return String(fallback === '' && typeof config[name] === 'string' ? config[name] : fallback)
}
