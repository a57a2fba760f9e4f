import type { ParseArgsOptionsConfig } from 'node:util'

/** Values of the options, by name, as `node:util` parses them. */
export type OptionValues = Record<string, string | boolean | undefined>

/** One command of the operator's. `run` returns what `--json` prints, with the text for people beside it. */
export interface Command {
  /** The words that call it, such as `roles set`. */
  name: string
  /** Its arguments, as the help shows them. */
  usage: string
  summary: string
  /** How many words it takes besides its options. */
  words: number
  options: ParseArgsOptionsConfig
  run(values: OptionValues, positionals: string[]): Promise<CommandResult>
}

export interface CommandResult {
  text: string
  json: unknown
  /** Of the process, where the command did its work and yet has something to say by it. */
  exitCode?: number
}

/** The command was called wrongly: exit code 64 (EX_USAGE). */
export class UsageError extends Error {}

export function requireText(values: OptionValues, name: string): string {
  const value = values[name]
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is needed`)
  return value
}
