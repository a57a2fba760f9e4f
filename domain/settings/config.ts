import type { SettingValues } from '../../schemas/settings.ts'

/** The settings as the program uses them: durations in milliseconds, lists as arrays, derived defaults filled in. */
export interface Config extends SettingValues {
  /** Whether people reach Gatehouse over https: cookie names and attributes follow from this, never from a connection. */
  secure: boolean
}
