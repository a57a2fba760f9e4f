import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { Problem } from '../domain/errors.ts'
import { MasterKeyError } from '../domain/keys/master-key.ts'
import { nearest } from '../domain/nearest.ts'
import { SettingsError } from '../domain/settings/settings.ts'
import manifest from '../package.json' with { type: 'json' }
import { type Command, type OptionValues, type Terminal, UsageError } from './command.ts'
import { helpFor, helpOf, unknownCommand } from './help.ts'
import { commands } from './index.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

/**
 * Runs the command that the words name, and resolves to its exit code. `prepare` is called before a command, not before a help
 * text.
 */
export async function runProgram(words: string[], terminal: Terminal, prepare: () => void): Promise<number> {
  const command = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (!command) return answerWithoutCommand(words, terminal)
  try {
    prepare()
    return await run(command, words.slice(command.name.split(' ').length), terminal)
  } catch (error) {
    terminal.stderr.write(`${readable(error, command)}\n`)
    return exitCodeOf(error)
  }
}

function answerWithoutCommand(words: string[], { stdout, stderr }: Terminal): number {
  const asked = words.filter((word) => word !== '--help' && word !== '-h')
  const answer = words[0] === '--version' ? manifest.version : helpFor(asked)
  if (answer === undefined) stderr.write(`${unknownCommand(asked)}\n`)
  else stdout.write(`${answer}\n`)
  return answer === undefined ? EX_USAGE : 0
}

async function run(command: Command, args: string[], terminal: Terminal): Promise<number> {
  const options = {
    ...command.options,
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' }
  } as const
  refuseMistyped(args, options)
  const { values, positionals, tokens } = parseArgs({ args, options, allowPositionals: true, tokens: true })
  refuseTwice(
    tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : [])),
    options
  )
  if (values.help) {
    terminal.stdout.write(`${helpOf(command)}\n`)
    return 0
  }
  const surplus = positionals[command.words]
  if (surplus !== undefined)
    throw new UsageError(`unexpected word ${surplus}: put text with spaces in quotes`)
  const { text, json, exitCode = 0 } = await command.run(values as OptionValues, positionals, terminal)
  const answer = values.json ? JSON.stringify(json) : text
  // A command that printed its result itself answers nothing.
  if (answer) terminal.stdout.write(`${answer}\n`)
  return exitCode
}

// `parseArgs` refuses every unknown option, but does not say which one may be meant.
function refuseMistyped(args: string[], options: ParseArgsOptionsConfig): void {
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue
    const meant = nearest(token.name, Object.keys(options))
    if (meant) throw new UsageError(`There is no option ${token.rawName}. Did you mean --${meant}?`)
  }
}

// `parseArgs` would silently keep only the last value.
function refuseTwice(given: string[], options: ParseArgsOptionsConfig): void {
  const twice = given.find((name, index) => !options[name]?.multiple && given.indexOf(name) < index)
  if (twice !== undefined) throw new UsageError(`--${twice} is given twice`)
}

function readable(error: unknown, command: Command): string {
  if (error instanceof UsageError || isArgumentError(error))
    return `${(error as Error).message}\n${helpOf(command)}`
  if (error instanceof Problem) return explain(error)
  return (error as Error).message
}

function explain({ message, errors = [], cause }: Problem): string {
  const reasons = errors.map(({ detail }) => detail)
  return [message, ...reasons, ...(cause instanceof Error ? [cause.message] : [])].join(' ')
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || isArgumentError(error)) return EX_USAGE
  return error instanceof SettingsError || error instanceof MasterKeyError ? EX_CONFIG : 1
}

function isArgumentError(error: unknown): boolean {
  return String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
}
