import { readFileSync, statSync } from 'node:fs'
import { type LoadedSettings, loadSettings } from '../domain/settings/settings.ts'

/** Loads the settings that the service would start with. Throws a SettingsError that names all faults together. */
export function settings(): LoadedSettings {
  return loadSettings(
    process.env,
    (path) => readFileSync(path, 'utf8'),
    (path) => statSync(path).mode
  )
}
