import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { isGuessable } from '../../domain/keys/master-key.ts'

/**
 * Makes at first boot, in folders `database`, `valkey` and `gatehouse` (a volume each) of the folder that it is given, what
 * the services prove themselves by, and gives Caddy its own folder in `caddy`. What is there is kept; what is unsafe is
 * refused in one line, exit code 78 (EX_CONFIG).
 */

const EX_CONFIG = 78
const MIN_LENGTH = 32
const KNOWN = [
  'postgres',
  'password',
  'changeme',
  'change-me',
  'secret',
  'gatehouse',
  'valkey',
  'redis',
  'admin',
  'example'
]

/** The users of the containers: postgres and valkey are 999 in their images, node is 1000 in ours; Caddy's has a number alone. */
const POSTGRES = 999
const VALKEY = 999
const NODE = 1000
const CADDY = 1001

class UnsafeSecret extends Error {}

try {
  makeSecrets(process.argv[2] ?? '/secrets')
} catch (error) {
  if (!(error instanceof UnsafeSecret)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = EX_CONFIG
}

function makeSecrets(folder: string): void {
  keepPassword(join(folder, 'database/superuser-password'), POSTGRES)
  const database = keepPassword(join(folder, 'database/password'), POSTGRES)
  const valkey = keepPassword(join(folder, 'valkey/password'), VALKEY)
  keepDerived(join(folder, 'valkey/valkey.conf'), `requirepass ${valkey}`, VALKEY)
  keepDerived(
    join(folder, 'gatehouse/database-url'),
    `postgres://gatehouse:${database}@postgres:5432/gatehouse`,
    NODE
  )
  keepDerived(join(folder, 'gatehouse/redis-url'), `redis://:${valkey}@valkey:6379`, NODE)
  mkdirSync(join(folder, 'caddy/caddy'), { recursive: true })
  giveAway(join(folder, 'caddy/caddy'), CADDY)
}

// Earlier versions ran Caddy as root. What is inside goes first: afterwards root, without that capability, could not look in.
function giveAway(path: string, owner: number): void {
  const stats = lstatSync(path)
  if (process.getuid?.() !== 0 || stats.uid === owner) return
  if (stats.isDirectory()) for (const name of readdirSync(path)) giveAway(join(path, name), owner)
  lchownSync(path, owner, owner)
}

/** The password in this file, made there if there is none. */
function keepPassword(path: string, owner: number): string {
  const found = read(path)
  if (found !== undefined) return checked(path, found)
  const password = randomBytes(33).toString('base64url')
  publish(path, password, owner)
  return password
}

/** Sees that this file holds what follows from a password. */
function keepDerived(path: string, text: string, owner: number): void {
  const found = read(path)
  if (found === undefined) publish(path, text, owner)
  else if (found !== text)
    throw new UnsafeSecret(`${path} does not fit the password beside it: remove the one that is wrong`)
}

function checked(path: string, password: string): string {
  const fault = faultOf(password)
  if (fault) throw new UnsafeSecret(`${path} ${fault}: remove the file, and a random password is made`)
  return password
}

function faultOf(password: string): string | undefined {
  if (password === '') return 'is empty'
  if (KNOWN.includes(password.toLowerCase())) return 'is a well-known password'
  if (password.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`
  if (!/^[\w-]+$/.test(password) || isGuessable(password)) return 'is not random base64url'
  return undefined
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

// A file appears whole or not at all, and is on the disk before a database is made with it. Its one reader owns it; root's
// group reads it, so that a later start can check it without the capability to read everything.
function publish(path: string, text: string, owner: number): void {
  const draft = `${path}.draft`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${text}\n`, { mode: 0o440, flush: true })
  if (process.getuid?.() === 0) chownSync(draft, owner, 0)
  renameSync(draft, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
