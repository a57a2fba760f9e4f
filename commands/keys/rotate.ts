import type { Command } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'
import { keysText } from './keys-text.ts'

/** `gatehouse keys rotate`: makes the next key sign, at once or as soon as every verifier can know it. */
export const keysRotate: Command = {
  name: 'keys rotate',
  usage: '',
  summary: 'make the next key sign, at once or as soon as every verifier can know it',
  words: 0,
  options: {},
  run: (_values, _words, { stderr }) =>
    withCore(
      async (app) => {
        await app.signingKeys.rotate(operator.caller)
        return keysText(app.signingKeys.schedule())
      },
      { mayMake: stderr }
    )
}
