import { type Static, Type } from 'typebox'
import { Time, View } from './common.ts'

export const OneTimeToken = Type.String({ minLength: 1, maxLength: 200 })

/** A link by which a user chooses a password, once. Only the administrator who made it sees it, and only once. */
export const OneTimeLinkView = View('OneTimeLink', {
  token: Type.String(),
  url: Type.String(),
  expiresAt: Time
})
export type OneTimeLinkView = Static<typeof OneTimeLinkView>
