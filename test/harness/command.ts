import type { CommandResult, OptionValues } from '../../commands/command.ts'
import { commands } from '../../commands/index.ts'

/**
 * Runs an operator's command in this process: `perform(env, 'roles set', { scope: 'a:b' }, ['editor'])`. Throws an Error if there
 * is no such command. To test argument parsing, output and exit codes, use `run(['cli.ts', …])`.
 */
export async function perform(
  env: Record<string, string>,
  name: string,
  values: OptionValues = {},
  words: string[] = []
): Promise<CommandResult> {
  const command = commands.find((each) => each.name === name)
  if (!command) throw new Error(`there is no command ${name}`)
  Object.assign(process.env, { NO_COLOR: '1', ...env })
  try {
    return await command.run(values, words)
  } finally {
    for (const setting of ['NO_COLOR', ...Object.keys(env)]) delete process.env[setting]
  }
}
