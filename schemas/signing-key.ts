import { type Static, Type } from 'typebox'
import { Closed, Text, Time, View } from './common.ts'

export const SigningKeyView = View('Key', {
  kid: Type.String({ description: 'RFC 7638 thumbprint' }),
  algorithm: Type.String({ examples: ['ES256'] }),
  status: Type.Enum(['next', 'active', 'retired']),
  imported: Type.Boolean(),
  createdAt: Time,
  activatesAt: Type.String({ ...Time, description: 'From when on it signs, until another key does' })
})
export type SigningKeyView = Static<typeof SigningKeyView>

export const KidParams = Closed({ kid: Text({ minLength: 1, maxLength: 64 }) })

/** The JWKS (RFC 7517 §5): public keys only, of the key types that Gatehouse signs with. */
export const Jwks = View('KeySet', {
  keys: Type.Array(
    View('PublicKey', {
      kid: Type.String(),
      kty: Type.String(),
      alg: Type.String(),
      use: Type.String(),
      crv: Type.Optional(Type.String()),
      x: Type.Optional(Type.String()),
      y: Type.Optional(Type.String()),
      n: Type.Optional(Type.String()),
      e: Type.Optional(Type.String())
    })
  )
})
