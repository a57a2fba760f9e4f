import { readFileSync } from 'node:fs'
import { loadSettings, showSettings } from '../domain/settings.ts'
import type { Command } from './command.ts'

/** `gatehouse config`: what is in force, and where it came from. */
export const config: Command = {
  name: 'config',
  usage: '',
  summary: 'show every setting, its value and its source; secrets are masked',
  words: 0,
  options: {},
  async run() {
    const loaded = loadSettings(process.env, (path) => readFileSync(path, 'utf8'))
    const settings = showSettings(loaded, process.env)
    const rows = settings.map(({ name, value, source }) => `${name.padEnd(30)}${source.padEnd(13)}${value}`)
    const warnings = loaded.warnings.map((warning) => `Warning: ${warning}`)
    return { text: [...rows, ...warnings].join('\n'), json: { settings, warnings: loaded.warnings } }
  }
}
