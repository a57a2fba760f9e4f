import { showSettings } from '../domain/settings/settings.ts'
import { settings } from '../settings.ts'
import type { Command } from './command.ts'

/** `gatehouse config`: shows the settings in force, and their sources. */
export const config: Command = {
  name: 'config',
  usage: '',
  summary: 'show every setting, its value and its source; secrets are masked',
  words: 0,
  options: {},
  async run() {
    const loaded = settings()
    const shown = showSettings(loaded, process.env)
    const rows = shown.map(({ name, value, source }) => `${name.padEnd(30)}${source.padEnd(13)}${value}`)
    const warnings = loaded.warnings.map((warning) => `Warning: ${warning}`)
    return { text: [...rows, ...warnings].join('\n'), json: { settings: shown, warnings: loaded.warnings } }
  }
}
