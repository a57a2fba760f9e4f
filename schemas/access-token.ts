import { type Static, Type } from 'typebox'

/** The claims of a person's access token (RFC 9068 §2.2). Times are seconds since the epoch. */
export const UserClaims = Type.Object({
  iss: Type.String(),
  aud: Type.String(),
  sub: Type.String({ minLength: 1 }),
  sid: Type.String({ minLength: 1 }),
  jti: Type.String({ minLength: 1 }),
  iat: Type.Number(),
  exp: Type.Number(),
  auth_time: Type.Number(),
  roles: Type.Array(Type.String()),
  scope: Type.String({ description: 'Space-separated permissions' }),
  ver: Type.Integer({ description: 'Version of the account: raised by whatever makes tokens stale' })
})

export type UserClaims = Static<typeof UserClaims>
