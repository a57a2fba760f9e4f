import { createHmac } from 'node:crypto'
import { readArgon2 } from './argon2.ts'
import { readBcrypt } from './bcrypt.ts'
import { fromBase64, type ReadHash } from './hash.ts'
import { readPbkdf2 } from './pbkdf2.ts'

const SHAPE = /^\$flask-security\$(?<salt>[\w+/-]+=*)(?<inner>\$.+)$/

/** Reads what Flask-Security writes by default: a hash of an HMAC of the password, with SECURITY_PASSWORD_SALT as its key. */
export const readFlaskSecurity: ReadHash = (text) => {
  const { salt = '', inner = '' } = SHAPE.exec(text)?.groups ?? {}
  const hash = readArgon2(inner) ?? readBcrypt(inner) ?? readPbkdf2(inner)
  if (!hash) return undefined
  const key = fromBase64(salt)
  return {
    format: `flask-security ${hash.format}`,
    compare: (password) => hash.compare(createHmac('sha512', key).update(password).digest('base64'))
  }
}
