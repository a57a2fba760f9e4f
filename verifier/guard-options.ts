import type { Requirements } from './authorization.ts'
import type { Credential } from './credentials.ts'
import { parseDuration } from './duration.ts'

/** What one route asks of its callers. `Scope` narrows which permissions it may name. */
export interface GuardOptions<Scope extends string = string> extends Omit<Requirements<Scope>, 'fresh'> {
  /** The sign-in is at most this old: a duration such as `10m`, or milliseconds. */
  fresh?: string | number
  /** Admits callers without a token, with `auth` null. Still refuses a bad token. */
  optional?: boolean
  /** Accepts a token from here only. */
  from?: Credential['from']
}

const isBoolean = (value: unknown) => typeof value === 'boolean'
const isNameList = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')

const CHECKS: Record<keyof GuardOptions, (value: unknown) => boolean> = {
  roles: isNameList,
  anyRole: isNameList,
  scope: (value) => typeof value === 'string' && /^\S+( \S+)*$/.test(value),
  fresh: (value) => toMilliseconds(value) > 0,
  kind: (value) => value === 'user' || value === 'service',
  from: (value) => value === 'cookie' || value === 'header',
  optional: isBoolean,
  direct: isBoolean
}

/**
 * Throws a TypeError for an unknown option or an invalid value. A misspelt or empty requirement would admit every caller with
 * a token.
 */
export function validateGuardOptions(options: GuardOptions): void {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof GuardOptions] : undefined
    if (!check) throw new TypeError(`guard: there is no option ${name}`)
    if (!check(value)) throw new TypeError(`guard: ${name} cannot be ${JSON.stringify(value)}`)
  }
}

/** Returns the milliseconds of a duration, as a number or as text; NaN for any other value. */
export function toMilliseconds(duration: unknown): number {
  if (typeof duration === 'number') return Number.isFinite(duration) ? duration : Number.NaN
  return typeof duration === 'string' ? parseDuration(duration) : Number.NaN
}
