import t from 'tap'
import { didYouMean } from '../../domain/did-you-mean.ts'

const known = ['AUTH_ISSUER', 'AUTH_ALLOWED_ORIGINS', 'AUTH_ACCESS_TTL']

t.test('a word that is nearly a known one names it', async (t) => {
  t.equal(didYouMean('AUTH_ALLOWED_ORIGIN', known), '. Did you mean AUTH_ALLOWED_ORIGINS?')
  t.equal(didYouMean('AUTH_CORS_ORIGINS', known), '. Did you mean AUTH_ALLOWED_ORIGINS?')
  t.equal(didYouMean('AUTH_ISUSER', known), '. Did you mean AUTH_ISSUER?')
})

t.test('a word that is like no known one names none', async (t) => {
  t.equal(didYouMean('AUTH_', known), '')
  t.equal(didYouMean('AUTH_COLOUR', known), '')
  t.equal(didYouMean('AUTH_ISSUER', []), '')
})
