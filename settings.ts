import { readFileSync, statSync } from 'node:fs'
import {
  type LoadedSettings,
  loadSettings,
  readSettings,
  type SettingSource,
  SettingsError
} from './domain/settings/settings.ts'

const ENV_FILE = '.env'

/** The variables that came from the `.env` file. */
const fromEnvFile = new Set<string>()

/**
 * Adds the variables of `.env` in the working directory to the environment, which has precedence. Does nothing without that
 * file. Throws a SettingsError if it cannot be read.
 */
export function readEnvFile(): void {
  const before = new Set(Object.keys(process.env))
  try {
    process.loadEnvFile(ENV_FILE)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    throw new SettingsError([`${ENV_FILE} cannot be read: ${message}`])
  }
  for (const name of Object.keys(process.env)) if (!before.has(name)) fromEnvFile.add(name)
}

/** Loads the settings of this process and `others`. Throws a SettingsError that names all faults together. */
export function settings(others: Record<string, string> = {}): LoadedSettings {
  return withEnvFile(loadSettings({ ...process.env, ...others }, readText, modeOf))
}

/** Loads the settings of this process, and returns the faults with them. */
export function settingsAndFaults(): ReturnType<typeof readSettings> {
  return withEnvFile(readSettings(process.env, readText, modeOf))
}

function withEnvFile<T extends LoadedSettings>(loaded: T): T {
  const sources = Object.entries(loaded.sources).map(([name, source]): [string, SettingSource] => [
    name,
    source === 'environment' && fromEnvFile.has(name) ? '.env' : source
  ])
  return { ...loaded, sources: Object.fromEntries(sources) }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function modeOf(path: string): number {
  return statSync(path).mode
}
