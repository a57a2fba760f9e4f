import type { CommandResult, OptionValues } from '../../commands/command.ts'
import { commands } from '../../commands/index.ts'

/**
 * Has a command of the operator's do its work in this process: `perform(env, 'roles set', { scope: 'a:b' }, ['editor'])`.
 * How words become values, what is printed, and exit codes are of the process: `run(['cli.ts', …])` shows those.
 */
export async function perform(
  env: Record<string, string>,
  name: string,
  values: OptionValues = {},
  words: string[] = []
): Promise<CommandResult> {
  const command = commands.find((each) => each.name === name)
  if (!command) throw new Error(`there is no command ${name}`)
  Object.assign(process.env, env)
  try {
    return await command.run(values, words)
  } finally {
    for (const setting of Object.keys(env)) delete process.env[setting]
  }
}
