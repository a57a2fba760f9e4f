import type { ServiceIdentity } from '../model/service-identity.ts'
import type { Store } from '../model/store.ts'
import type { Config } from './config.ts'
import { type LoadedSettings, SettingsError } from './settings.ts'

/** Each setting that commands must share with the service, and what it is in the service. */
const shared = ({ issuer, audience }: ServiceIdentity) =>
  [
    ['AUTH_ISSUER', issuer],
    ['AUTH_AUDIENCE', audience]
  ] as const

/** Stores the issuer and the audience of a service that starts. Returns a warning for each that has changed. */
export async function recordIdentity(
  { serviceIdentity }: Pick<Store, 'serviceIdentity'>,
  config: Config
): Promise<string[]> {
  const before = await serviceIdentity.find()
  const changes = before ? shared(before).filter(([name, value]) => config[name] !== value) : []
  if (!before || changes.length > 0)
    await serviceIdentity.save({ issuer: config.AUTH_ISSUER, audience: config.AUTH_AUDIENCE })
  return changes.map(
    ([name, value]) =>
      `${name} was ${value} at the last start: tokens with it are refused, and every instance must have the same value`
  )
}

/**
 * Returns the values of the service for settings that a command was not given. Throws a SettingsError for each that the command
 * was given and that differs.
 */
export function settingsOfService(
  { config, sources }: LoadedSettings,
  service: ServiceIdentity
): Record<string, string> {
  const different = shared(service).filter(([name, value]) => config[name] !== value)
  const faults = different.filter(([name]) => sources[name] !== 'default')
  if (faults.length > 0)
    throw new SettingsError(
      faults.map(
        ([name, value]) =>
          `${name} is ${config[name]} here, but ${value} in the service: use the same settings`
      )
    )
  return Object.fromEntries(different)
}
