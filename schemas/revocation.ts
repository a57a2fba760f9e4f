import { type Static, Type } from 'typebox'
import { Closed, Text, Time, View } from './common.ts'

const LONGEST_WAIT = 30

export const FeedQuery = Closed({
  cursor: Type.Optional(Text({ minLength: 1, maxLength: 100, description: '`cursor` of the answer before' })),
  wait: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: LONGEST_WAIT,
      description: 'Seconds to wait where there is no news'
    })
  )
})

export const RevocationFeedView = View('RevocationFeed', {
  entries: Type.Array(
    View('Revocation', {
      kind: Type.Enum(['sid', 'jti', 'user', 'client', 'kid']),
      id: Type.String(),
      minVersion: Type.Optional(
        Type.Integer({
          description:
            'Of kind `user`: tokens with a lower `ver` are out of date. Of kind `client`: those with a lower `client_ver`, their own or in `act`, are revoked'
        })
      ),
      expiresAt: Type.String({ ...Time, description: 'No token that it concerns is valid from then on' })
    })
  ),
  cursor: Type.String()
})
export type RevocationFeedView = Static<typeof RevocationFeedView>
