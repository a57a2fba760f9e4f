import { Type } from 'typebox'
import { Time, View } from './common.ts'
import { OwnEventView } from './own-event.ts'
import { DeviceView } from './session.ts'
import { UserView } from './user.ts'

/** What Gatehouse stores about a person. */
export const AccountExportView = View('AccountExport', {
  exportedAt: Time,
  user: UserView,
  scope: Type.String({ description: 'Space-separated permissions' }),
  sessions: Type.Array(DeviceView),
  events: Type.Array(OwnEventView)
})
