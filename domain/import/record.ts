import { Compile, type Validator } from 'typebox/compile'
import { AccountRecord } from '../../schemas/account-record.ts'
import { requireNewEmail } from '../accounts/new-email.ts'
import { Problem } from '../errors.ts'
import type { User } from '../model/user.ts'
import { formatOf } from '../passwords/imported/formats.ts'
import { HashRefused } from '../passwords/imported/hash.ts'
import { assignedRoles } from '../roles/scopes.ts'

/** Says why a line is not imported. The message contains no value of the line. */
export class LineRefused extends Error {}

/** An account of an import: checked, and its address in the normal spelling. */
export interface ImportedAccount {
  line: number
  email: string
  name: string | null | undefined
  emailVerified: boolean | undefined
  disabled: boolean | undefined
  /** Without the role that all users have. */
  roles: string[] | undefined
  /** Milliseconds. */
  createdAt: number | undefined
  passwordHash: string | null
  /** The format of the hash. */
  format: string | null
}

/** Reads a line. Throws a LineRefused. */
export function readAccount(text: string, line: number, now: number): ImportedAccount {
  const { email, createdAt, passwordHash = null, roles, ...rest } = requireRecord(parse(text))
  return {
    line,
    email: reasonOf('email', () => requireNewEmail(email)),
    name: rest.name,
    emailVerified: rest.emailVerified,
    disabled: rest.disabled,
    roles: roles && assignedRoles(roles).sort(),
    createdAt: createdAt === undefined ? undefined : momentOf(createdAt, now),
    passwordHash,
    format: passwordHash === null ? null : reasonOf('passwordHash', () => formatOf(passwordHash))
  }
}

/** Returns an account as a line of an export. */
export function recordOf(user: User, withHash: boolean): AccountRecord {
  return {
    email: user.email,
    name: user.name,
    emailVerified: user.emailVerified,
    disabled: user.disabled,
    roles: assignedRoles(user.roles),
    createdAt: new Date(user.createdAt).toISOString(),
    ...(withHash && user.passwordHash !== null && { passwordHash: user.passwordHash })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes the line.
    throw new LineRefused(
      text.endsWith('}') ? 'the line is not JSON' : 'the line is not JSON: it may be cut off'
    )
  }
}

// Compiled at the first line, because a start does not need it.
let validator: Validator<Record<never, never>, typeof AccountRecord> | undefined

function requireRecord(value: unknown): AccountRecord {
  validator ??= Compile(AccountRecord)
  if (validator.Check(value)) return value
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LineRefused('the line is not a JSON object')
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(AccountRecord.properties, name))
  if (unknown !== undefined)
    throw new LineRefused(`there is no field ${JSON.stringify(unknown.slice(0, 60))}`)
  const [error] = validator.Errors(value)
  const field = error?.instancePath.slice(1).split('/')[0]
  throw new LineRefused(
    field ? `${field}: it ${error?.message ?? 'is not well-formed'}` : 'the field email is missing'
  )
}

function momentOf(text: string, now: number): number {
  const moment = Date.parse(text)
  if (moment < 0 || Number.isNaN(moment)) throw new LineRefused('createdAt: it is no time since 1970')
  if (moment > now) throw new LineRefused('createdAt: it lies in the future')
  return moment
}

function reasonOf<T>(field: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof HashRefused) throw new LineRefused(`${field}: ${error.message}`)
    if (error instanceof Problem) throw new LineRefused(`${field}: ${reasonIn(error)}`)
    throw error
  }
}

/** Returns the reason of a refusal, for people. */
export function reasonIn({ message, errors = [] }: Problem): string {
  return errors.map(({ detail }) => detail).join(' ') || message
}
