import { adminCreate } from './admin-create.ts'
import { auditExport } from './audit/export.ts'
import { backup } from './backup.ts'
import { clientsCreate } from './clients/create.ts'
import { clientsDelete } from './clients/delete.ts'
import { clientsDisable } from './clients/disable.ts'
import { clientsEnable } from './clients/enable.ts'
import { clientsList } from './clients/list.ts'
import type { Command } from './command.ts'
import { config } from './config.ts'
import { doctor } from './doctor.ts'
import { keysImport } from './keys/import.ts'
import { keysList } from './keys/list.ts'
import { keysRevoke } from './keys/revoke.ts'
import { keysRotate } from './keys/rotate.ts'
import { migrate } from './migrate.ts'
import { restore } from './restore.ts'
import { rolesList } from './roles/list.ts'
import { rolesSet } from './roles/set.ts'
import { sessionsEnd } from './sessions-end.ts'
import { usersDisable } from './users/disable.ts'
import { usersEnable } from './users/enable.ts'
import { usersExport } from './users/export.ts'
import { usersImport } from './users/import.ts'
import { usersList } from './users/list.ts'
import { usersResetPassword } from './users/reset-password.ts'
import { usersShow } from './users/show.ts'
import { usersUnlock } from './users/unlock.ts'

/** All commands, in the order of the help. */
export const commands: Command[] = [
  adminCreate,
  usersList,
  usersShow,
  usersDisable,
  usersEnable,
  usersUnlock,
  usersResetPassword,
  usersImport,
  usersExport,
  rolesList,
  rolesSet,
  clientsList,
  clientsCreate,
  clientsDisable,
  clientsEnable,
  clientsDelete,
  keysList,
  keysRotate,
  keysImport,
  keysRevoke,
  sessionsEnd,
  auditExport,
  migrate,
  backup,
  restore,
  config,
  doctor
]
