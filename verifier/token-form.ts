import { isUtf8 } from 'node:buffer'

/** Header parameters that change how a token is read (RFC 7515 §4.1.11, RFC 7516 §4.1.3): no token of Gatehouse has one. */
const REFUSED_PARAMETERS = ['crit', 'zip']

/** Throws where a token is written in a way that readers may understand differently, whatever its signature says. */
export function assertPlain(token: string, header: object): void {
  for (const name of REFUSED_PARAMETERS)
    if (Object.hasOwn(header, name)) throw new Error(`the header has ${name}`)
  for (const part of token.split('.', 2))
    if (!isUtf8(Buffer.from(part, 'base64url'))) throw new Error('the token is not UTF-8 (RFC 7519 §7.2)')
}
