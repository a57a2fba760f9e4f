import t from 'tap'
import { meantSetting } from '../../../domain/settings/meant.ts'

const known = ['AUTH_ISSUER', 'AUTH_DOCS', 'AUTH_ALLOWED_ORIGINS', 'AUTH_ACCESS_TTL']

t.test('a setting with a typing mistake, or with the words of another, is recognised', async (t) => {
  t.equal(meantSetting('AUTH_ISUSER', known), 'AUTH_ISSUER')
  t.equal(meantSetting('AUTH_ALLOWED_ORIGIN', known), 'AUTH_ALLOWED_ORIGINS')
  t.equal(meantSetting('AUTH_CORS_ORIGINS', known), 'AUTH_ALLOWED_ORIGINS')
})

t.test('a setting that is like no other is not', async (t) => {
  for (const name of ['AUTH_', 'AUTH_COLOUR', 'AUTH_PORT', ''])
    t.equal(meantSetting(name, known), undefined, name)
})
