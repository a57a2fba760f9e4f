import { type TProperties, Type } from 'typebox'
import { View } from './common.ts'

export const FORM = 'application/x-www-form-urlencoded'

const Parameter = Type.Optional(Type.String({ maxLength: 8192 }))

/** Makes the schema of a form of an OAuth endpoint, which ignores unknown parameters (RFC 6749 §3.2). */
const Form = <Properties extends TProperties>(title: string, properties: Properties) =>
  View(title, {
    ...properties,
    client_id: Parameter,
    client_secret: Parameter,
    client_assertion: Parameter,
    client_assertion_type: Parameter
  })

export const TokenForm = Form('TokenRequest', {
  grant_type: Parameter,
  scope: Parameter,
  resource: Parameter,
  audience: Parameter,
  subject_token: Parameter,
  subject_token_type: Parameter,
  actor_token: Parameter,
  actor_token_type: Parameter,
  requested_token_type: Parameter
})

/** The form of introspection (RFC 7662 §2.1) and revocation (RFC 7009 §2.1). */
export const AboutToken = Form('TokenQuestion', { token: Parameter, token_type_hint: Parameter })

/** The reply of the token endpoint (RFC 6749 §5.1). A token exchange adds `issued_token_type` (RFC 8693 §2.2.1). */
export const IssuedToken = View('IssuedToken', {
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds' }),
  scope: Type.String(),
  issued_token_type: Type.Optional(Type.String())
})

/** The reply of introspection (RFC 7662 §2.2). If the token is not active, it has `active` alone. */
export const Introspection = View('Introspection', {
  active: Type.Boolean(),
  token_type: Type.Optional(Type.String()),
  iss: Type.Optional(Type.String()),
  aud: Type.Optional(Type.String()),
  sub: Type.Optional(Type.String()),
  client_id: Type.Optional(Type.String()),
  jti: Type.Optional(Type.String()),
  iat: Type.Optional(Type.Integer()),
  exp: Type.Optional(Type.Integer()),
  scope: Type.Optional(Type.String()),
  roles: Type.Optional(Type.Array(Type.String())),
  auth_time: Type.Optional(Type.Integer()),
  act: Type.Optional(Type.Object({}, { additionalProperties: true }))
})

export const Revoked = Type.Unsafe<undefined>(
  Type.Null({ description: 'The token is not valid, whether it was or not (RFC 7009 §2.2).' })
)

/** The error reply of an OAuth endpoint (RFC 6749 §5.2). */
export const OAuthErrorView = View('OAuthError', {
  error: Type.String(),
  error_description: Type.Optional(Type.String())
})

/** The metadata of the authorization server (RFC 8414 §2). */
export const ServerMetadata = View('ServerMetadata', {
  issuer: Type.String(),
  token_endpoint: Type.String(),
  jwks_uri: Type.String(),
  introspection_endpoint: Type.String(),
  revocation_endpoint: Type.String(),
  protected_resources: Type.Array(Type.String()),
  response_types_supported: Type.Array(Type.String()),
  grant_types_supported: Type.Array(Type.String()),
  token_endpoint_auth_methods_supported: Type.Array(Type.String()),
  token_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
  introspection_endpoint_auth_methods_supported: Type.Array(Type.String()),
  introspection_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
  revocation_endpoint_auth_methods_supported: Type.Array(Type.String()),
  revocation_endpoint_auth_signing_alg_values_supported: Type.Array(Type.String()),
  service_documentation: Type.Optional(Type.String())
})
