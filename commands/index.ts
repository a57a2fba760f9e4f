import { adminCreate } from './admin-create.ts'
import { clientsCreate } from './clients-create.ts'
import type { Command } from './command.ts'
import { config } from './config.ts'
import { keysImport } from './keys-import.ts'
import { keysList } from './keys-list.ts'
import { keysRotate } from './keys-rotate.ts'
import { migrate } from './migrate.ts'
import { rolesSet } from './roles-set.ts'

/** Every command, in the order of the help. */
export const commands: Command[] = [
  adminCreate,
  rolesSet,
  keysList,
  keysRotate,
  keysImport,
  clientsCreate,
  migrate,
  config
]
