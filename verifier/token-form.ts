import { isUtf8 } from 'node:buffer'

/** Header parameters that change how to read a token (RFC 7515 §4.1.11, RFC 7516 §4.1.3). Gatehouse writes none. */
const REFUSED_PARAMETERS = ['crit', 'zip']

/** Throws an Error if readers may understand the token differently, even if its signature is valid. */
export function assertPlain(token: string, header: object): void {
  for (const name of REFUSED_PARAMETERS)
    if (Object.hasOwn(header, name)) throw new Error(`the header has ${name}`)
  for (const part of token.split('.', 2))
    if (!isUtf8(Buffer.from(part, 'base64url'))) throw new Error('the token is not UTF-8 (RFC 7519 §7.2)')
}
