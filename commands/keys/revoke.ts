import { type Command, UsageError } from '../command.ts'
import { operator } from '../operator.ts'
import { withCore } from '../with-core.ts'
import { keysText } from './keys-text.ts'

/** `gatehouse keys revoke`: makes every token of a signing key invalid. */
export const keysRevoke: Command = {
  name: 'keys revoke',
  usage: 'KID',
  summary:
    'refuse every token that this key signed or will sign, here and in every service that follows, within a second',
  words: 1,
  options: {},
  async run(_values, [kid]) {
    if (!kid) throw new UsageError('KID is needed: ./gatehouse keys list shows the keys')
    return withCore(async (app) => {
      await app.signingKeys.revoke(kid, operator.caller)
      return keysText(app.signingKeys.schedule())
    })
  }
}
