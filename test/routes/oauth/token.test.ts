import t from 'tap'
import { TOKEN_EXCHANGE } from '../../../domain/oauth/token-exchange.ts'
import { build } from '../../harness/build.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'
import {
  answerOf,
  CLIENT_CREDENTIALS,
  claimsOf,
  FORM,
  headerOf,
  JSON_TYPE,
  oauthRefusal,
  post,
  register
} from '../../oauth/machine.ts'

const TOKEN = '/oauth/token'
const ORDERS = 'https://orders.example.com'
const STOCK = 'https://stock.example.com/v1?tenant=7'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** RFC 6749 §5.2: printable ASCII without quote and backslash. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/

const TOO_MUCH = oauthRefusal(400, 'invalid_scope', 'The client may not have this scope.')
const OTHER_TARGET = oauthRefusal(400, 'invalid_target', 'The client may not have tokens for this resource.')
const UNKNOWN_GRANT = oauthRefusal(400, 'unsupported_grant_type', 'There is no such grant here.')
const NO_GRANT = oauthRefusal(400, 'invalid_request', 'grant_type is missing.')
const TWICE = oauthRefusal(400, 'invalid_request', 'A parameter is there more than once.')
const NO_FORM = oauthRefusal(
  400,
  'invalid_request',
  'Send the parameters as application/x-www-form-urlencoded.'
)
const NOT_VALID = oauthRefusal(400, 'invalid_request', 'The request is not valid.')
const NOBODY = oauthRefusal(401, 'invalid_client', 'The client did not say who it is.')

t.test('POST /oauth/token', async (t) => {
  const service = await build(t)
  const { clock, browser } = service
  const machine = await register(service)
  const { id, secret } = machine
  const ask = (fields: Record<string, string> | string, headers: Record<string, string> = {}) =>
    post(service, TOKEN, fields, { ...machine.basic, ...headers })
  const askFor = (fields: Record<string, string>) => ask({ ...CLIENT_CREDENTIALS, ...fields })
  const scopeOf = async (fields: Record<string, string>) => {
    const { body } = await askFor(fields)
    return [body.scope, claimsOf(body.access_token).scope]
  }

  await t.test(
    'answers with a bearer token, its life in seconds and its scope, and nothing else',
    async (t) => {
      const { body, ...answer } = answerOf(await ask(CLIENT_CREDENTIALS))
      const { access_token: token, ...rest } = body
      t.strictSame(answer, {
        status: 200,
        type: JSON_TYPE,
        cache: 'no-store',
        authenticate: undefined,
        cookies: []
      })
      t.strictSame(rest, { token_type: 'Bearer', expires_in: 300, scope: 'a b' })
      t.type(token, 'string')
    }
  )

  await t.test('an answer with a token forbids every cache to keep it, old ones too', async (t) => {
    const { headers } = await ask(CLIENT_CREDENTIALS)
    t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
  })

  await t.test(
    'the token is a signed at+jwt with the claims of RFC 9068 and the client’s version',
    async (t) => {
      const { body } = await ask(CLIENT_CREDENTIALS)
      const { jti, ...claims } = claimsOf(body.access_token)
      const iat = Math.floor(clock() / 1000)
      t.strictSame(claims, {
        iss: 'http://localhost:3000',
        aud: 'http://localhost:3000',
        sub: id,
        iat,
        exp: iat + 300,
        scope: 'a b',
        client_id: id,
        client_ver: 1
      })
      t.match(jti, UUID)
      const { kid, ...header } = headerOf(body.access_token)
      t.strictSame(header, { alg: 'ES256', typ: 'at+jwt' })
      t.equal(kid, service.app.signingKeys.schedule().active.kid)
    }
  )

  await t.test('every token has an id of its own', async (t) => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(CLIENT_CREDENTIALS)))
    const ids = answers.map(({ body }) => claimsOf(body.access_token).jti)
    t.equal(new Set(ids).size, 100)
  })

  await t.test('there is no refresh token, whoever asks for one', async (t) => {
    const { status, body } = await askFor({ scope: 'offline_access' })
    t.equal(status, 400)
    t.strictSame(body, TOO_MUCH.body)
    t.strictSame(answerOf(await ask({ grant_type: 'refresh_token', refresh_token: 'x' })), UNKNOWN_GRANT)
  })

  t.test('scope', async (t) => {
    await t.test('without scope a client gets all that it may have, and is told what', async (t) => {
      t.strictSame(await scopeOf({}), ['a b', 'a b'])
    })

    await t.test('scope narrows, and the answer and the token say to what', async (t) => {
      t.strictSame(await scopeOf({ scope: 'b' }), ['b', 'b'])
    })

    await t.test('the order of scope does not matter, nor does a repeat', async (t) => {
      t.strictSame(await scopeOf({ scope: 'b a b' }), ['b a', 'b a'])
    })

    await t.test(
      'a scope that the client may not have is invalid_scope, though it may have the rest',
      async (t) => {
        for (const scope of ['c', 'a c', 'users:read', 'a users:read b'])
          t.strictSame(answerOf(await askFor({ scope })), TOO_MUCH, scope)
      }
    )

    await t.test('scope is told apart by case, and refused where it is malformed', async (t) => {
      const malformed = [' ', ' a', 'a ', 'a  b', 'a\tb', 'a,b', '"a"', 'a\\', 'a\u0000', 'á', 'a\n']
      for (const scope of ['A', ...malformed])
        t.strictSame(answerOf(await askFor({ scope })), TOO_MUCH, scope)
    })

    await t.test('a client that may have nothing gets a token that allows nothing', async (t) => {
      const { basic } = await register(service, { scope: [] })
      const { status, body } = await ask(CLIENT_CREDENTIALS, basic)
      t.equal(status, 200)
      t.equal(body.scope, '')
      t.equal(claimsOf(body.access_token).scope, '')
    })
  })

  t.test('resource', async (t) => {
    const { basic } = await register(service, { audiences: [ORDERS, STOCK] })
    const askFor = (fields: Record<string, string>) => ask({ ...CLIENT_CREDENTIALS, ...fields }, basic)
    const audienceOf = async (fields: Record<string, string>) =>
      claimsOf((await askFor(fields)).body.access_token).aud

    await t.test('the token is for the resource that was asked for, and for nothing else', async (t) => {
      t.equal(await audienceOf({ resource: ORDERS }), ORDERS)
      t.equal(await audienceOf({ resource: STOCK }), STOCK)
    })

    await t.test('audience names the service as resource does', async (t) => {
      t.equal(await audienceOf({ audience: STOCK }), STOCK)
      t.equal(await audienceOf({ audience: STOCK, resource: STOCK }), STOCK)
      const wrong: Record<string, string>[] = [
        { audience: 'https://else.example.com' },
        { audience: STOCK, resource: ORDERS }
      ]
      for (const fields of wrong) {
        const { status, body } = await askFor(fields)
        t.strictSame([status, body.error], [400, 'invalid_target'])
      }
    })

    await t.test('without resource the token is for the client’s first audience', async (t) => {
      t.equal(await audienceOf({}), ORDERS)
    })

    await t.test('without audiences of its own a client gets tokens for Gatehouse alone', async (t) => {
      const { body } = await ask({ ...CLIENT_CREDENTIALS, resource: 'http://localhost:3000' })
      t.equal(claimsOf(body.access_token).aud, 'http://localhost:3000')
      t.strictSame(answerOf(await ask({ ...CLIENT_CREDENTIALS, resource: ORDERS })), OTHER_TARGET)
    })

    await t.test(
      'a resource that the client may not have, a relative one, one with a fragment are invalid_target',
      async (t) => {
        const others = [
          'https://billing.example.com',
          'http://localhost:3000',
          '/v1',
          'orders',
          `${ORDERS}#part`,
          `${ORDERS}#`,
          `${ORDERS}/`,
          `${ORDERS} ${STOCK}`,
          'HTTPS://ORDERS.EXAMPLE.COM'
        ]
        for (const resource of others)
          t.strictSame(answerOf(await askFor({ resource })), OTHER_TARGET, resource)
      }
    )

    await t.test('two resources in one request are refused: a token is for one service', async (t) => {
      const both = `grant_type=client_credentials&resource=${ORDERS}&resource=${encodeURIComponent(STOCK)}`
      t.strictSame(answerOf(await ask(both, basic)), TWICE)
    })
  })

  t.test('grant_type', async (t) => {
    await t.test('a request without grant_type is invalid_request', async (t) => {
      t.strictSame(answerOf(await ask({ scope: 'a' })), NO_GRANT)
      t.strictSame(answerOf(await ask('')), NO_GRANT)
    })

    await t.test('any other grant_type is unsupported_grant_type', async (t) => {
      const others = [
        'password',
        'authorization_code',
        'refresh_token',
        'implicit',
        'CLIENT_CREDENTIALS',
        'client_credentials ',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
        '__proto__',
        'x'.repeat(8000)
      ]
      for (const grant_type of others)
        t.strictSame(answerOf(await ask({ grant_type })), UNKNOWN_GRANT, grant_type)
    })

    await t.test('a password never gets a token', async (t) => {
      await service.signUp('ada@example.com')
      const form = {
        grant_type: 'password',
        username: 'ada@example.com',
        password: 'correct horse battery staple'
      }
      t.strictSame(answerOf(await ask(form)), UNKNOWN_GRANT)
    })
  })

  t.test('a grant that the client does not have is unauthorized_client (F10)', async (t) => {
    const exchanging = await register(service, { grants: [TOKEN_EXCHANGE] })
    const none = await register(service, { grants: [] })
    const NOT_YOURS = oauthRefusal(400, 'unauthorized_client', 'The client may not use this grant.')
    for (const { basic } of [exchanging, none])
      t.strictSame(answerOf(await ask(CLIENT_CREDENTIALS, basic)), NOT_YOURS)
    const subject = {
      subject_token: 'x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token'
    }
    for (const { basic } of [machine, none])
      t.strictSame(answerOf(await ask({ grant_type: TOKEN_EXCHANGE, ...subject }, basic)), NOT_YOURS)
  })

  t.test('the form', async (t) => {
    await t.test('a parameter that nobody knows is passed over', async (t) => {
      const strange = 'foo=1&__proto__=x&constructor=y&toString=z&hasOwnProperty=1&%00=%00&=empty'
      const { status, body } = await ask(`${strange}&grant_type=client_credentials&scope=a`)
      t.equal(status, 200)
      t.equal(body.scope, 'a')
    })

    await t.test('a parameter without a value is as if it were not there', async (t) => {
      const empty = 'scope=&resource=&client_id=&client_secret=&client_assertion=&client_assertion_type&foo='
      const { status, body } = await ask(`grant_type=client_credentials&${empty}`)
      t.equal(status, 200)
      t.equal(body.scope, 'a b')
      t.strictSame(answerOf(await ask('grant_type=')), NO_GRANT)
    })

    await t.test(
      'a parameter that comes twice is invalid_request, even with one value, even an unknown one',
      async (t) => {
        const good = 'grant_type=client_credentials'
        const repeated = ['scope=a&scope=a', 'scope=a&scope=b', 'scope=&scope=a', 'foo=1&foo=2', good]
        for (const form of repeated) t.strictSame(answerOf(await ask(`${good}&${form}`)), TWICE, form)
        const secrets = `${good}&client_id=${id}&client_secret=${secret}&client_secret=${secret}`
        t.strictSame(answerOf(await post(service, TOKEN, secrets)), TWICE)
      }
    )

    await t.test('parameters are decoded as a form’s', async (t) => {
      const { body } = await ask('grant%5Ftype=client%5fcredentials&scope=a+b')
      t.equal(body.scope, 'a b')
    })

    await t.test('the type of a form is recognised in any case and with a charset', async (t) => {
      for (const type of [`${FORM};charset=UTF-8`, `${FORM}; charset=utf-8`, FORM.toUpperCase()])
        t.equal((await ask(CLIENT_CREDENTIALS, { 'content-type': type })).status, 200, type)
    })

    await t.test('a body that is no form is invalid_request', async (t) => {
      const json = JSON.stringify({ ...CLIENT_CREDENTIALS, client_id: id, client_secret: secret })
      for (const type of [
        'application/json',
        'text/plain',
        'multipart/form-data; boundary=x',
        `${FORM}x`,
        'x'
      ])
        t.strictSame(answerOf(await ask(json, { 'content-type': type })), NO_FORM, type)
    })

    await t.test('no body at all is refused', async (t) => {
      t.strictSame(answerOf(await browser({}).post(TOKEN)), NOBODY)
      t.strictSame(answerOf(await browser({}).post(TOKEN, undefined, machine.basic)), NOT_VALID)
    })

    await t.test('a huge body is 413, a huge parameter 400', async (t) => {
      const tooLarge = oauthRefusal(413, 'invalid_request', 'The request body is too large.')
      t.strictSame(answerOf(await askFor({ foo: 'x'.repeat(32 * 1024) })), tooLarge)
      for (const name of ['grant_type', 'scope', 'resource', 'subject_token'])
        t.strictSame(answerOf(await ask({ [name]: 'x'.repeat(8193) })), NOT_VALID, name)
      t.equal((await askFor({ foo: 'x'.repeat(30_000) })).status, 200, 'of what nobody reads')
    })

    await t.test('thousands of parameters are read in no time', async (t) => {
      const many = Array.from({ length: 5000 }, (_, n) => `${n.toString(36)}=`).join('&')
      const startedAt = performance.now()
      t.equal((await ask(`${many}&grant_type=client_credentials`)).status, 200)
      t.ok(performance.now() - startedAt < 1000)
    })

    await t.test('parameters in the address count for nothing', async (t) => {
      const inAddress = `${TOKEN}?grant_type=client_credentials&scope=a&client_id=${id}&client_secret=${secret}`
      t.strictSame(answerOf(await post(service, inAddress, CLIENT_CREDENTIALS)), NOBODY)
      t.strictSame(answerOf(await post(service, inAddress, '', machine.basic)), NO_GRANT)
      const { body } = await post(service, `${TOKEN}?scope=a&scope=b`, CLIENT_CREDENTIALS, machine.basic)
      t.equal(body.scope, 'a b')
    })
  })

  await t.test('a token in the address is no token', async (t) => {
    const { basic } = await register(service, { scope: ['keys:read'] })
    const { access_token: token } = (await ask(CLIENT_CREDENTIALS, basic)).body
    t.equal((await browser({}).get('/admin/keys', { authorization: `Bearer ${token}` })).status, 200)
    const inAddress = await browser({}).get(`/admin/keys?access_token=${token}`)
    t.strictSame(refusalOf(inAddress), refusal(401, 'unauthorized'))
  })

  await t.test('every other method is 405, whatever it carries', async (t) => {
    const form = `grant_type=client_credentials&client_id=${id}&client_secret=${secret}`
    const headers = { ...machine.basic, 'content-type': FORM }
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      const body = method === 'GET' ? undefined : form
      const answer = await browser({}).request(method, `${TOKEN}?${form}`, body, headers)
      t.strictSame(refusalOf(answer), refusal(405, 'method_not_allowed'), method)
      t.equal(answer.headers.allow, 'POST')
    }
    const head = await browser({}).request('HEAD', `${TOKEN}?${form}`, undefined, headers)
    t.equal(head.status, 405)
    t.equal(head.text, '')
  })

  await t.test('what an error describes is plain ASCII without quotes', async (t) => {
    const answers = [
      await ask({}),
      await ask({ grant_type: '"é\\' }),
      await askFor({ scope: '"é\\' }),
      await askFor({ resource: '"é\\' }),
      await ask('a=1&a=2'),
      await ask({}, { authorization: 'Basic "é\\' }),
      await ask({}, { 'content-type': 'text/"é' }),
      await ask({ scope: 'x'.repeat(9000) }),
      await post(service, TOKEN, { client_secret: 'x' }),
      await post(service, TOKEN, { client_assertion: 'x' }),
      await post(service, TOKEN, {}, { origin: 'https://elsewhere.example' })
    ]
    for (const { body } of answers) {
      t.strictSame(Object.keys(body), ['error', 'error_description'])
      t.match(body.error, DESCRIPTION)
      t.match(body.error_description, DESCRIPTION)
    }
  })

  await t.test(
    'no other site’s page may read an answer, and none may ask without credentials of its own',
    async (t) => {
      const origin = { origin: 'https://elsewhere.example' }
      const { status, headers } = await ask(CLIENT_CREDENTIALS, origin)
      t.equal(status, 200)
      t.notOk('access-control-allow-origin' in headers)
      const form = { ...CLIENT_CREDENTIALS, client_id: id, client_secret: secret }
      const fromPage = await post(service, TOKEN, form, origin)
      const refused = oauthRefusal(
        403,
        'invalid_request',
        'The request came from a site that is not allowed.'
      )
      t.strictSame(answerOf(fromPage), refused)
      t.notOk('access-control-allow-origin' in fromPage.headers)
      const preflight = await browser({}).request('OPTIONS', TOKEN, undefined, {
        ...origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization'
      })
      t.notOk('access-control-allow-origin' in preflight.headers)
    }
  )
})

t.test('the life of a token is AUTH_ACCESS_TTL', async (t) => {
  const service = await build(t, { env: { AUTH_ACCESS_TTL: '90s', AUTH_AUDIENCE: 'urn:ours' } })
  const { basic } = await register(service)
  const { body } = await post(service, TOKEN, CLIENT_CREDENTIALS, basic)
  t.equal(body.expires_in, 90)
  const { iat, exp, aud } = claimsOf(body.access_token)
  t.equal(Number(exp) - Number(iat), 90)
  t.equal(aud, 'urn:ours')
})

for (const alg of ['EdDSA', 'RS256']) {
  t.test(`tokens are signed with ${alg} where the service is set so`, async (t) => {
    const service = await build(t, { env: { AUTH_JWT_ALG: alg } })
    const { basic } = await register(service)
    const { body } = await post(service, TOKEN, CLIENT_CREDENTIALS, basic)
    t.match(headerOf(body.access_token), { alg, typ: 'at+jwt' })
  })
}
