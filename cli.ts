import './check-node.js'
import { parseArgs } from 'node:util'
import { type Command, UsageError } from './commands/command.ts'
import { commands } from './commands/index.ts'
import { Problem } from './domain/errors.ts'
import { MasterKeyError } from './domain/keys/master-key.ts'
import { SettingsError } from './domain/settings/settings.ts'
import { readEnvFile } from './settings.ts'

const EX_USAGE = 64
const EX_CONFIG = 78

process.exitCode = await main(process.argv.slice(2))

async function main(words: string[]): Promise<number> {
  const command = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `))
  if (!command) return printHelp(words)
  try {
    readEnvFile()
    return await run(command, words.slice(command.name.split(' ').length))
  } catch (error) {
    process.stderr.write(`${readable(error, command)}\n`)
    return exitCodeOf(error)
  }
}

async function run(command: Command, args: string[]): Promise<number> {
  const { values, positionals, tokens } = parseArgs({
    args,
    options: { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
    tokens: true
  })
  refuseTwice(tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : [])))
  if (values.help) {
    process.stdout.write(`${helpOf(command)}\n`)
    return 0
  }
  const surplus = positionals[command.words]
  if (surplus !== undefined)
    throw new UsageError(`unexpected word ${surplus}: put text with spaces in quotes`)
  const {
    text,
    json,
    exitCode = 0
  } = await command.run(values as Record<string, string | boolean | undefined>, positionals)
  process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`)
  return exitCode
}

// `parseArgs` would silently keep only the last value.
function refuseTwice(given: string[]): void {
  const twice = given.find((name, index) => given.indexOf(name) < index)
  if (twice !== undefined) throw new UsageError(`--${twice} is given twice`)
}

function printHelp(words: string[]): number {
  const asked = words.length === 0 || words.includes('--help') || words.includes('-h')
  const out = asked ? process.stdout : process.stderr
  if (!asked) out.write(`There is no command ${words.join(' ')}\n\n`)
  out.write(`Usage: ./gatehouse <command> [--json] [--help]\n\n${commands.map(helpOf).join('\n')}\n`)
  return asked ? 0 : EX_USAGE
}

function helpOf({ name, usage, summary }: Command): string {
  return `  ./gatehouse ${name} ${usage}`.trimEnd().concat(`\n      ${summary}`)
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
