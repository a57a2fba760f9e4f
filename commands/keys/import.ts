import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Command, UsageError } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'
import { keysText } from './keys-text.ts'

/** `gatehouse keys import`: signs with a given private key from now on. */
export const keysImport: Command = {
  name: 'keys import',
  usage: 'FILE',
  summary: 'sign with the private key in this file, PEM or JWK, from now on',
  words: 1,
  options: {},
  async run(_values, [path], { stderr }) {
    if (!path) throw new UsageError('FILE is needed: a private key, PEM or JWK')
    const text = readKeyFile(path)
    return withCore(
      async (app) => {
        const { activatesAt } = await app.signingKeys.import(text, operator.caller)
        // A timer may fire a millisecond too early.
        while (app.clock() < activatesAt) await pause(activatesAt - app.clock())
        return keysText(app.signingKeys.schedule())
      },
      { mayMake: stderr }
    )
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
