import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { CommandResult, OptionValues } from '../../commands/command.ts'
import { commands } from '../../commands/index.ts'
import { runProgram } from '../../commands/program.ts'

type Env = Record<string, string>

/** How a command ended, and what it printed. */
export interface Performed {
  code: number
  stdout: string
  stderr: string
}

/**
 * Runs the words of a command line in this process: `gatehouse(['roles', 'set', …], env)`. One command at a time. To test
 * what needs a process, use `run(['cli.ts', …])`.
 */
export async function gatehouse(words: string[], env: Env = {}, input = ''): Promise<Performed> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(stdout), text(stderr)])
  const terminal = { stdin: Readable.from([input]), stdout, stderr }
  const code = await inEnvironment(env, () => runProgram(words, terminal, () => {}))
  stdout.end()
  stderr.end()
  const [out, err] = await printed
  return { code, stdout: out, stderr: err }
}

/** Runs a command as `gatehouse` does, and returns its JSON. Throws an Error if it fails. */
export async function gatehouseJson(words: string[], env: Env) {
  const { code, stdout, stderr } = await gatehouse([...words, '--json'], env)
  if (code !== 0) throw new Error(`gatehouse ${words.join(' ')}: ${stderr}`)
  return JSON.parse(stdout)
}

/**
 * Runs a command in this process, without its command line: `perform(env, 'roles set', { scope: 'a:b' }, ['editor'])`. Throws an
 * Error if there is no such command.
 */
export async function perform(
  env: Env,
  name: string,
  values: OptionValues = {},
  words: string[] = []
): Promise<CommandResult> {
  const command = commands.find((each) => each.name === name)
  if (!command) throw new Error(`there is no command ${name}`)
  const terminal = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr: new PassThrough() }
  return inEnvironment(env, () => command.run(values, words, terminal))
}

/** What a developer's shell may have set. */
const OF_GATEHOUSE = /^(AUTH_|HOST$|PORT$|LOG_LEVEL$|DATABASE_URL|REDIS_URL)/

let isBusy = false

// Commands read the environment of the process, which two of them cannot share.
async function inEnvironment<R>(env: Env, work: () => Promise<R>): Promise<R> {
  if (isBusy) throw new Error('two commands at once: start processes, with `run`')
  isBusy = true
  const before = { ...process.env }
  for (const name of Object.keys(before)) if (OF_GATEHOUSE.test(name)) delete process.env[name]
  Object.assign(process.env, { NO_COLOR: '1' }, env)
  try {
    return await work()
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
    Object.assign(process.env, before)
    isBusy = false
  }
}
