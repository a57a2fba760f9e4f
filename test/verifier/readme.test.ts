import { readFile } from 'node:fs/promises'
import t from 'tap'
import { refusals } from '../../verifier/refusal.ts'

const readme = await readFile(new URL('../../verifier/README.md', import.meta.url), 'utf8')

/** Everything that Flask-JWT-Extended 4.7.4 has: what it exports, its loaders, its options. */
const FUNCTIONS = `create_access_token create_refresh_token current_user decode_token get_csrf_token get_current_user get_jti
  get_jwt get_jwt_header get_jwt_identity get_jwt_request_location get_unverified_jwt_headers set_access_cookies
  set_refresh_cookies unset_access_cookies unset_jwt_cookies unset_refresh_cookies jwt_required verify_jwt_in_request`
const ARGUMENTS = 'optional fresh refresh locations verify_type skip_revocation_check'
const LOADERS = `additional_claims additional_headers decode_key encode_key expired_token invalid_token needs_fresh_token
  revoked_token token_in_blocklist token_verification_failed token_verification unauthorized user_identity user_lookup
  user_lookup_error`
const OPTIONS = `ACCESS_COOKIE_NAME ACCESS_COOKIE_PATH ACCESS_CSRF_COOKIE_NAME ACCESS_CSRF_COOKIE_PATH ACCESS_CSRF_FIELD_NAME
  ACCESS_CSRF_HEADER_NAME ACCESS_TOKEN_EXPIRES ALGORITHM COOKIE_CSRF_PROTECT COOKIE_DOMAIN COOKIE_SAMESITE COOKIE_SECURE
  CSRF_CHECK_FORM CSRF_IN_COOKIES CSRF_METHODS DECODE_ALGORITHMS DECODE_AUDIENCE DECODE_ISSUER DECODE_LEEWAY ENCODE_AUDIENCE
  ENCODE_ISSUER ENCODE_NBF ERROR_MESSAGE_KEY HEADER_NAME HEADER_TYPE IDENTITY_CLAIM JSON_KEY PRIVATE_KEY PUBLIC_KEY
  QUERY_STRING_NAME QUERY_STRING_VALUE_PREFIX REFRESH_COOKIE_NAME REFRESH_COOKIE_PATH REFRESH_CSRF_COOKIE_NAME
  REFRESH_CSRF_COOKIE_PATH REFRESH_CSRF_FIELD_NAME REFRESH_CSRF_HEADER_NAME REFRESH_JSON_KEY REFRESH_TOKEN_EXPIRES SECRET_KEY
  SESSION_COOKIE TOKEN_LOCATION VERIFY_SUB`
const words = (text: string) => text.split(/\s+/)

t.test('README maps everything that Flask-JWT-Extended has', async (t) => {
  const rows = readme.slice(readme.indexOf('## Coming from')).split('\n')
  const left = rows.map((row) => row.split(' | ')[0] ?? '').join('\n')
  const named = new Set([...left.matchAll(/`([A-Za-z_]+)(?:\(\))?`/g)].map(([, name]) => name))
  const wanted = [
    ...words(FUNCTIONS),
    ...words(ARGUMENTS),
    ...words(LOADERS).map((name) => `${name}_loader`),
    ...words(OPTIONS).map((name) => `JWT_${name}`)
  ]
  t.strictSame(
    wanted.filter((name) => !named.has(name)),
    [],
    'nothing is left out'
  )
  t.strictSame(
    [...named].filter((name) => !wanted.includes(name as string)),
    [],
    'nothing is made up'
  )
})

t.test('README’s refusals are those that there are', async (t) => {
  const rows = [...readme.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|/gm)].map(([, status, code]) => [
    code,
    Number(status)
  ])
  t.strictSame(
    new Map(rows as Array<[string, number]>),
    new Map(Object.entries(refusals).map(([code, { status }]) => [code, status]))
  )
})
