import { type Static, Type } from 'typebox'
import { Body, Closed, Nullable, Text, Time, View } from './common.ts'
import { Scope } from './role.ts'

const Name = Text({ minLength: 1, maxLength: 100 })

/** An absolute URI without fragment (RFC 8707 §2), or Gatehouse's own audience, which may be any text. */
const Audience = Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x21\\x24-\\x5b\\x5d-\\x7e]+$' })
const Audiences = Type.Array(Audience, { maxItems: 20, uniqueItems: true })

/** A grant of the token endpoint (RFC 6749 §4.4, RFC 8693 §2.1). */
const Grant = Type.Enum(['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'])
const Grants = Type.Array(Grant, { maxItems: 2, uniqueItems: true })

/** A public key of a client, for its assertions (RFC 7517 §4). */
const PublicJwk = Body('ClientKey', {
  kty: Type.Enum(['EC', 'OKP', 'RSA']),
  kid: Type.Optional(Text({ minLength: 1, maxLength: 200 })),
  alg: Type.Optional(Type.Enum(['ES256', 'EdDSA', 'Ed25519', 'RS256'])),
  use: Type.Optional(Type.Literal('sig')),
  crv: Type.Optional(Type.Enum(['P-256', 'Ed25519'])),
  x: Type.Optional(Type.String({ maxLength: 64 })),
  y: Type.Optional(Type.String({ maxLength: 64 })),
  n: Type.Optional(Type.String({ maxLength: 1024 })),
  e: Type.Optional(Type.String({ maxLength: 16 }))
})
const Jwks = Closed({ keys: Type.Array(PublicJwk, { maxItems: 10 }) })

export const ClientSecretView = View('ClientSecret', {
  id: Type.String(),
  createdAt: Time,
  expiresAt: Nullable(Time),
  lastUsedAt: Nullable(Type.String({ ...Time, description: 'To the minute' }))
})
export type ClientSecretView = Static<typeof ClientSecretView>

export const ClientView = View('Client', {
  id: Type.String({ description: 'The `client_id`' }),
  name: Type.String(),
  scope: Type.String({ description: 'Space-separated; what it may ask for' }),
  audiences: Type.Array(Type.String(), { description: 'The services that its tokens may be for' }),
  grants: Type.Array(Type.String(), { description: 'The grants that the token endpoint takes from it' }),
  disabled: Type.Boolean(),
  jwks: Type.Object({ keys: Type.Array(PublicJwk) }),
  createdAt: Time,
  secrets: Type.Array(ClientSecretView)
})
export type ClientView = Static<typeof ClientView>

export const NewClientBody = Body('NewClient', {
  name: Name,
  scope: Scope,
  audiences: Type.Optional(Audiences),
  grants: Type.Optional(Grants),
  jwks: Type.Optional(Jwks)
})

export const ClientChangeBody = Body(
  'ClientChange',
  {
    name: Type.Optional(Name),
    scope: Type.Optional(Scope),
    audiences: Type.Optional(Audiences),
    grants: Type.Optional(Grants),
    disabled: Type.Optional(Type.Boolean()),
    jwks: Type.Optional(Jwks)
  },
  { minProperties: 1 }
)

/** A new client with its secret, which no later reply shows. */
export const CreatedClientView = View('CreatedClient', {
  ...ClientView.properties,
  clientSecret: Type.Optional(Type.String())
})

export const NewSecret = Body('NewClientSecret', { expiresAt: Type.Optional(Time) })
export const CreatedSecretView = View('CreatedClientSecret', {
  ...ClientSecretView.properties,
  clientSecret: Type.String()
})

export const SecretParams = Closed({
  id: Text({ minLength: 1, maxLength: 64 }),
  secretId: Text({ minLength: 1, maxLength: 64 })
})
