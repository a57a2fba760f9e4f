import { adminCreate } from './admin-create.ts'
import { backup } from './backup.ts'
import { clientsCreate } from './clients/create.ts'
import type { Command } from './command.ts'
import { config } from './config.ts'
import { doctor } from './doctor.ts'
import { keysImport } from './keys/import.ts'
import { keysList } from './keys/list.ts'
import { keysRevoke } from './keys/revoke.ts'
import { keysRotate } from './keys/rotate.ts'
import { migrate } from './migrate.ts'
import { restore } from './restore.ts'
import { rolesSet } from './roles/set.ts'
import { sessionsEnd } from './sessions-end.ts'
import { usersUnlock } from './users/unlock.ts'

/** All commands, in the order of the help. */
export const commands: Command[] = [
  adminCreate,
  usersUnlock,
  rolesSet,
  clientsCreate,
  keysList,
  keysRotate,
  keysImport,
  keysRevoke,
  sessionsEnd,
  migrate,
  backup,
  restore,
  config,
  doctor
]
