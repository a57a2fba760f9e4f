import type { Readable, Writable } from 'node:stream'
import type { ParseArgsOptionsConfig } from 'node:util'

/** The values of the options by name, as `node:util` parses them. */
export type OptionValues = Record<string, string | string[] | boolean | undefined>

/** The standard streams of the process that runs a command. */
export interface Terminal {
  stdin: Readable
  stdout: Writable
  /** `isTTY` if a person watches, who may like to see progress. */
  stderr: Writable & { isTTY?: boolean }
}

/** A command for operators. `run` returns the text for people, and the JSON that `--json` prints. */
export interface Command {
  /** The words of the command, such as `roles set`. */
  name: string
  /** Its arguments, as the help shows them. */
  usage: string
  summary: string
  /** How many words it takes, not counting its options. */
  words: number
  options: ParseArgsOptionsConfig
  run(values: OptionValues, positionals: string[], terminal: Terminal): Promise<CommandResult>
}

export interface CommandResult {
  /** Empty if the command has written its output itself; `json` is then undefined. */
  text: string
  json: unknown
  /** The exit code, if the command did its work but reports a problem; 0 by default. */
  exitCode?: number
}

/** Says that a command was called wrongly: exit code 64 (EX_USAGE). */
export class UsageError extends Error {}

/** Returns the value of an option. Throws a UsageError if it is missing or empty. */
export function requireText(values: OptionValues, name: string): string {
  const value = values[name]
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} is needed`)
  return value
}
