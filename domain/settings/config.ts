import type { SettingValues } from '../../schemas/settings.ts'

/** The settings as the code uses them: durations in milliseconds, lists as arrays, derived defaults filled in. */
export interface Config extends SettingValues {
  /** Whether browsers reach Gatehouse over https. Cookie names and attributes depend on it, never on a connection. */
  secure: boolean
}
