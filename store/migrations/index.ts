import type { Store } from '../../domain/model/store.ts'
import { initial } from './0001-initial.ts'
import { keySchedule } from './0002-key-schedule.ts'
import { revocationLog } from './0003-revocation-log.ts'
import { clients } from './0004-clients.ts'
import { sessionHandover } from './0005-session-handover.ts'
import { loginLimits } from './0006-login-limits.ts'
import { authority } from './0007-authority.ts'
import { load } from './0009-load.ts'
import { serviceIdentity } from './0010-service-identity.ts'
import { userSearch } from './0011-user-search.ts'

/** Returns all migrations, by name, in the order in which they run. */
export const migrationsOf = (engine: Store['engine']) => ({
  '0001-initial': initial,
  '0002-key-schedule': keySchedule,
  '0003-revocation-log': revocationLog(engine),
  '0004-clients': clients,
  '0005-session-handover': sessionHandover,
  '0006-login-limits': loginLimits,
  '0007-authority': authority,
  '0009-load': load,
  '0010-service-identity': serviceIdentity,
  '0011-user-search': userSearch
})
