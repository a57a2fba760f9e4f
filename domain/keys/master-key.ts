import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isReadableByGroup, isReadableByOthers } from '../file-mode.ts'
import { uuidv7 } from '../id.ts'

const MIN_BYTES = 32
const LEAST_VARIETY = 8
const PLACEHOLDERS = /change|secret|example|placeholder|insecure|default|password|gatehouse/i

/** Returns the fault of a configured master key: at most one, which never shows the key. */
export function masterKeyFault(text: string, name = 'AUTH_MASTER_KEY'): string[] {
  if (!/^[A-Za-z0-9_-]+$/.test(text))
    return [`${name} must be base64url (make one: openssl rand -base64 48 | tr +/ -_)`]
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length < MIN_BYTES) return [`${name} must hold ${MIN_BYTES} bytes or more`]
  if (new Set(bytes).size < MIN_BYTES / 2 || new Set(text).size < 10 || isGuessable(text)) {
    return [`${name} is not random: use the output of a generator`]
  }
  return []
}

/** Returns whether a configured secret is a placeholder or has too few different characters. Hexadecimal has 16. */
export function isGuessable(text: string): boolean {
  return new Set(text).size < LEAST_VARIETY || PLACEHOLDERS.test(text)
}

/** An error for a master key that is missing, invalid, wrong, or readable by the machine's other users. */
export class MasterKeyError extends Error {}

/** Returns the path of the master key, which is read if no setting gives one. */
export function masterKeyPath(dataDirectory: string): string {
  return join(dataDirectory, 'master.key')
}

/** Returns the master key of the settings, or else of the data directory. Throws ENOENT if there is none. */
export function readMasterKey(configured: string, dataDirectory: string): Buffer {
  return configured ? Buffer.from(configured, 'base64url') : readKeyFile(masterKeyPath(dataDirectory))
}

/** Returns a warning for the operator if the group of the master key's file can read it. */
export function masterKeyWarnings(configured: string, dataDirectory: string): string[] {
  const path = masterKeyPath(dataDirectory)
  return !configured && isReadableByGroup(statSync(path).mode)
    ? [`${path} can be read by its group: chmod 600 it, unless that group is Gatehouse's alone`]
    : []
}

/**
 * Returns the master key of the settings, or else of the data directory. If it is missing, creates it there (0600) if
 * `mayMake`; throws a MasterKeyError otherwise.
 */
export function loadMasterKey(
  configured: string,
  dataDirectory: string,
  { mayMake }: { mayMake: boolean }
): Buffer {
  try {
    return readMasterKey(configured, dataDirectory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!mayMake) throw missingMasterKey(dataDirectory, 'this database')
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
    publishKeyFile(masterKeyPath(dataDirectory))
    return readMasterKey(configured, dataDirectory)
  }
}

/** Returns an error that says where to put the master key that sealed the keys of `what`. */
export function missingMasterKey(dataDirectory: string, what: string): MasterKeyError {
  const path = masterKeyPath(dataDirectory)
  return new MasterKeyError(
    `There is no master key at ${path}: put the one there that was in force when ${what} was made`
  )
}

function readKeyFile(path: string): Buffer {
  const text = readFileSync(path, 'utf8').trim()
  if (isReadableByOthers(statSync(path).mode)) {
    throw new MasterKeyError(`${path} can be read by others: chmod 600 it`)
  }
  if (masterKeyFault(text).length > 0) throw new MasterKeyError(`${path} does not hold a master key`)
  return Buffer.from(text, 'base64url')
}

// A hard link is atomic and never overwrites: two first starts at the same moment end with one key.
function publishKeyFile(path: string): void {
  const draft = `${path}.${uuidv7()}`
  writeFileSync(draft, `${randomBytes(48).toString('base64url')}\n`, { mode: 0o600, flush: true })
  chmodSync(draft, 0o600)
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
}

/** A key for one purpose. `current` seals and signs; `accepted`, the current and the previous key, verify. */
export interface DerivedKey {
  current: KeyObject
  accepted: KeyObject[]
}

/** A separate key for each purpose (HKDF-SHA-256, RFC 5869), so that no key works for another purpose. */
export interface DerivedKeys {
  refreshToken: DerivedKey
  sessionBinding: DerivedKey
  csrfToken: DerivedKey
  signingKeyWrap: DerivedKey
  throttle: DerivedKey
  deviceMark: DerivedKey
  clientSecret: DerivedKey
  mail: DerivedKey
}

/** Derives the keys of a configuration whose master key is `masterKey`. */
export function keysOf(
  masterKey: Buffer,
  { AUTH_MASTER_KEY_PREVIOUS: previous }: { AUTH_MASTER_KEY_PREVIOUS: string }
): DerivedKeys {
  return deriveKeys(masterKey, previous === '' ? undefined : Buffer.from(previous, 'base64url'))
}

/** `previous` is the master key that is being replaced, or the one that is about to be used. */
export function deriveKeys(masterKey: Buffer, previous?: Buffer): DerivedKeys {
  const deriveFrom = (key: Buffer, purpose: string) =>
    createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `gatehouse/v1/${purpose}`, 32)))
  const derive = (purpose: string): DerivedKey => {
    const current = deriveFrom(masterKey, purpose)
    return { current, accepted: previous ? [current, deriveFrom(previous, purpose)] : [current] }
  }
  return {
    refreshToken: derive('refresh-token'),
    sessionBinding: derive('session-binding'),
    csrfToken: derive('csrf-token'),
    signingKeyWrap: derive('signing-key-wrap'),
    throttle: derive('throttle'),
    deviceMark: derive('device-mark'),
    clientSecret: derive('client-secret'),
    mail: derive('mail')
  }
}
