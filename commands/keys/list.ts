import type { Command } from '../command.ts'
import { withCore } from '../with-core.ts'
import { keysText } from './keys-text.ts'

/** `gatehouse keys list`: shows the next, the active and the retired signing keys. */
export const keysList: Command = {
  name: 'keys list',
  usage: '',
  summary: 'show the signing keys: the next one, the active one, the retired ones',
  words: 0,
  options: {},
  run: () => withCore(async (app) => keysText(app.signingKeys.schedule()))
}
