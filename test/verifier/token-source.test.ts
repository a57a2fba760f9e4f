import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { hashClientSecret } from '../../domain/clients/secret.ts'
import { uuidv7 } from '../../domain/id.ts'
import { createTokenSource, type TokenSourceOptions } from '../../verifier/index.ts'
import { freePort } from '../harness/port.ts'
import { claimsOf, register } from '../oauth/machine.ts'
import { listen, verifierFor } from './gatehouse.ts'
import { type Handler, hang, hangUp, json, redirect, text, trickle } from './impostor.ts'
import { eventually, outcomeOf } from './tokens.ts'

const SECRET = 'ghs_a-secret-that-nobody-else-may-see'
const TIMEOUT = 5000

interface Asked {
  method: string
  url: string
  headers: Record<string, string | string[] | undefined>
  form: Record<string, string>
}

/** A token endpoint that answers as a test wants it to, and remembers what it was asked. */
async function startEndpoint(t: Test, answer: Handler) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    const form = Object.fromEntries(new URLSearchParams(await textOf(request)))
    asked.push({ method, url, headers, form })
    endpoint.answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const source = (options: Partial<TokenSourceOptions> = {}) =>
    createTokenSource({ issuer, clientId: 'robot', clientSecret: SECRET, ...options })
  const endpoint = { issuer, asked, answer, source }
  return endpoint
}

/** Tokens that are told apart by their number, each good for so many seconds. */
function numbered(expiresIn: number, delay = 0): Handler {
  let count = 0
  return async (request, response) => {
    count += 1
    const body = { access_token: `token-${count}`, token_type: 'Bearer', expires_in: expiresIn }
    await pause(delay)
    json(body)(request, response)
  }
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}

/** All that an error says, with what it was caused by. */
function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.stack} ${JSON.stringify(error)} ${error.cause ? saidBy(error.cause) : ''}`
}

t.test('it asks as RFC 6749 §4.4 says, and for nothing that it was not told', async (t) => {
  const endpoint = await startEndpoint(t, numbered(300))
  t.equal(await endpoint.source()(), 'token-1')
  t.equal(await endpoint.source({ scope: 'a:b c:d', resource: 'https://orders.example.com' })(), 'token-2')
  const [bare, whole] = endpoint.asked
  t.match(bare, { method: 'POST', url: '/oauth/token' })
  const credentials = Buffer.from(`robot:${SECRET}`).toString('base64')
  t.equal(bare?.headers.authorization, `Basic ${credentials}`)
  t.match(bare?.headers['content-type'], /^application\/x-www-form-urlencoded/)
  t.equal(bare?.headers.accept, 'application/json')
  t.strictSame(bare?.form, { grant_type: 'client_credentials' })
  t.strictSame(whole?.form, {
    grant_type: 'client_credentials',
    scope: 'a:b c:d',
    resource: 'https://orders.example.com'
  })
})

t.test('with a url of its own it asks there, whatever the issuer', async (t) => {
  const endpoint = await startEndpoint(t, numbered(300))
  const source = endpoint.source({ issuer: 'https://auth.example.com', url: endpoint.issuer })
  t.equal(await source(), 'token-1')
})

t.test('ids and secrets are encoded as in a form before they are put together', async (t) => {
  const endpoint = await startEndpoint(t, numbered(300))
  const cases = [
    ['a:b', 'c:d', 'a%3Ab:c%3Ad'],
    ['a b', 'c+d', 'a+b:c%2Bd'],
    ['ä', '%&=', '%C3%A4:%25%26%3D'],
    ["-._*~!'()", '/?#', '-._*%7E%21%27%28%29:%2F%3F%23'],
    ['', '', ':']
  ]
  for (const [clientId = '', clientSecret = '', expected = ''] of cases) {
    await endpoint.source({ clientId, clientSecret })()
    const { authorization = '' } = endpoint.asked.at(-1)?.headers ?? {}
    t.equal(Buffer.from(String(authorization).replace('Basic ', ''), 'base64').toString(), expected)
  }
})

t.test('a token is kept while it is good', async (t) => {
  const endpoint = await startEndpoint(t, numbered(300))
  const source = endpoint.source()
  for (let call = 0; call < 50; call += 1) t.equal(await source(), 'token-1')
  t.equal(endpoint.asked.length, 1)
  t.equal(await endpoint.source()(), 'token-2', 'another source has a token of its own')
})

t.test('however many callers wait, one request is sent', async (t) => {
  const endpoint = await startEndpoint(t, numbered(300, 50))
  const source = endpoint.source()
  const tokens = await Promise.all(Array.from({ length: 100 }, source))
  t.strictSame(new Set(tokens), new Set(['token-1']))
  t.equal(endpoint.asked.length, 1)
})

t.test('a request that fails fails for all who wait, and the next caller tries again', async (t) => {
  const endpoint = await startEndpoint(t, json({ error: 'temporarily_unavailable' }, 503))
  const source = endpoint.source()
  const settled = await Promise.allSettled(Array.from({ length: 100 }, source))
  t.ok(settled.every(({ status }) => status === 'rejected'))
  t.equal(endpoint.asked.length, 1)
  endpoint.answer = numbered(300)
  t.equal(await source(), 'token-1')
  t.equal(endpoint.asked.length, 2)
})

t.test('a token that lives for a second is renewed, and never handed out past its end', async (t) => {
  const endpoint = await startEndpoint(t, numbered(1))
  const source = endpoint.source()
  const seen = new Map<string, number>()
  const startedAt = performance.now()
  while (performance.now() < startedAt + 2500) {
    const token = await source()
    const now = performance.now()
    seen.set(token, seen.get(token) ?? now)
    t.ok(now - (seen.get(token) ?? 0) < 1000, token)
    await pause(50)
  }
  t.ok(seen.size >= 3 && seen.size <= 6, `${seen.size} tokens`)
})

t.test('a token without life is handed out once each time', async (t) => {
  const endpoint = await startEndpoint(t, numbered(0))
  const source = endpoint.source()
  t.equal(await source(), 'token-1')
  t.equal(await source(), 'token-2')
})

const refusing: Record<string, [answer: Handler, says: RegExp]> = {
  'that the client is unknown': [
    json({ error: 'invalid_client', error_description: 'The client is not who it says.' }, 401),
    /\/oauth\/token gave no token: 401 invalid_client$/
  ],
  'that the scope is too much': [json({ error: 'invalid_scope' }, 400), /: 400 invalid_scope$/],
  'that it is too busy': [json({ error: 'temporarily_unavailable' }, 429), /: 429 temporarily_unavailable$/],
  'a page': [text('<html>', 200), /: 200$/],
  nothing: [text('', 200), /: 200$/],
  'nothing, with 204': [(_request, response) => response.writeHead(204).end(), /: 204$/],
  'a list': [json([]), /: 200$/],
  'a number for a token': [json({ access_token: 1, expires_in: 300 }), /: 200$/],
  'no life of the token': [json({ access_token: 'x' }), /: 200$/],
  'a life in words': [json({ access_token: 'x', expires_in: '300' }), /: 200$/],
  'an error and no JSON': [text('<h1>Bad gateway</h1>', 502), /: 502$/],
  'a token with 201': [json({ access_token: 'x', expires_in: 300 }, 201), /: 201$/]
}

for (const [what, [answer, says]] of Object.entries(refusing)) {
  t.test(`an answer that says ${what} is an error that tells where and what, and no secret`, async (t) => {
    const endpoint = await startEndpoint(t, answer)
    const error = await errorOf(endpoint.source()())
    t.match(error.message, says)
    t.ok(error.message.startsWith(`${endpoint.issuer}/oauth/token`))
    t.notOk(saidBy(error).includes(SECRET))
  })
}

t.test('null is an error that tells where and what', async (t) => {
  const endpoint = await startEndpoint(t, json(null))
  t.match((await errorOf(endpoint.source()())).message, /\/oauth\/token gave no token: 200$/)
})

t.test('a redirect is not followed, and takes the secret nowhere', async (t) => {
  const other = await startEndpoint(t, numbered(300))
  for (const location of [`${other.issuer}/oauth/token`, '/oauth/elsewhere']) {
    const endpoint = await startEndpoint(t, redirect(location))
    const error = await errorOf(endpoint.source()())
    t.match(saidBy(error), /redirect/)
    t.notOk(saidBy(error).includes(SECRET))
    t.equal(endpoint.asked.length, 1)
  }
  t.strictSame(other.asked, [])
})

t.test(
  'a connection that breaks, and a port where nobody listens, are errors without the secret',
  async (t) => {
    const endpoint = await startEndpoint(t, hangUp)
    const nobody = `http://127.0.0.1:${await freePort()}`
    for (const url of [endpoint.issuer, nobody]) {
      const error = await errorOf(endpoint.source({ url })())
      t.notOk(saidBy(error).includes(SECRET))
      t.notOk(saidBy(error).includes(Buffer.from(SECRET).toString('base64').slice(0, 20)))
    }
  }
)

t.test('a server that cannot be reached is named in the message', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`
  const source = createTokenSource({ issuer: url, clientId: 'robot', clientSecret: SECRET })
  t.match((await errorOf(source())).message, `${url}/oauth/token`)
})

t.test(
  'an answer that is silent or never ends is given up after 5 s, and then asked for again',
  async (t) => {
    const stuck = async (answer: Handler) => {
      const endpoint = await startEndpoint(t, answer)
      const source = endpoint.source()
      const startedAt = performance.now()
      const settled = await Promise.allSettled([source(), source()])
      const took = performance.now() - startedAt
      t.ok(took > TIMEOUT - 100 && took < TIMEOUT + 1500, `${Math.round(took)} ms`)
      for (const each of settled) {
        t.equal(each.status, 'rejected')
        if (each.status === 'rejected') t.notOk(saidBy(each.reason).includes(SECRET))
      }
      t.equal(endpoint.asked.length, 1)
      endpoint.answer = numbered(300)
      t.equal(await source(), 'token-1')
    }
    await Promise.all([hang, trickle].map(stuck))
  }
)

t.test('a real Gatehouse', async (t) => {
  const gatehouse = await listen(t)
  const { app, issuer, clock } = gatehouse

  await t.test(
    'gives it tokens that its verifier believes, of the scope and for the service asked for',
    async (t) => {
      const orders = 'https://orders.example.com'
      const { id, secret } = await register(gatehouse, { audiences: [issuer, orders] })
      const options = { issuer, clientId: id, clientSecret: secret }
      const all = await createTokenSource(options)()
      t.match(claimsOf(all), { sub: id, client_id: id, aud: issuer, scope: 'a b' })
      const outcome = await outcomeOf(verifierFor(t, gatehouse).verify(all))
      t.match(outcome, { auth: { kind: 'service', scope: ['a', 'b'] } })
      const narrow = await createTokenSource({ ...options, scope: 'b', resource: orders })()
      t.match(claimsOf(narrow), { aud: orders, scope: 'b' })
    }
  )

  await t.test('says no in words that its owner understands', async (t) => {
    const { id, secret } = await register(gatehouse)
    const options = { issuer, clientId: id, clientSecret: secret }
    const says = async (more: object) => (await errorOf(createTokenSource({ ...options, ...more })())).message
    const no = `${issuer}/oauth/token gave no token:`
    t.equal(await says({ clientSecret: 'wrong' }), `${no} 401 invalid_client`)
    t.equal(await says({ clientId: 'nobody' }), `${no} 401 invalid_client`)
    t.equal(await says({ scope: 'c' }), `${no} 400 invalid_scope`)
    t.equal(await says({ resource: 'https://elsewhere.example.com' }), `${no} 400 invalid_target`)
  })

  await t.test('understands ids and secrets of any characters', async (t) => {
    for (const special of ['a:b', 'c d+e', 'ü%&=', '100%41', '"\\/?#', "~!*'()", '日本']) {
      const { id } = await register(gatehouse, { scope: ['a'] })
      const client = await app.store.clients.find(id)
      if (!client) throw new Error('there is no client')
      const clientId = `${special} ${uuidv7()}`
      await app.store.clients.insert({ ...client, id: clientId })
      const hash = hashClientSecret(special, app.derivedKeys.clientSecret.current)
      const times = { createdAt: clock(), expiresAt: null, lastUsedAt: null }
      await app.store.clients.insertSecret({ id: uuidv7(), clientId, hash, ...times })
      const token = await createTokenSource({ issuer, clientId, clientSecret: special })()
      t.equal(claimsOf(token).sub, clientId)
    }
  })
})

t.test('renewal ahead of time', async (t) => {
  const LIFE = 300
  // The clock of this process is set ahead: nobody has to wait for minutes.
  const real = performance.now.bind(performance)
  let ahead = 0
  performance.now = () => real() + ahead
  t.teardown(() => {
    performance.now = real
  })
  const advance = (seconds: number) => {
    ahead += seconds * 1000
  }
  const waitedFor = async (source: () => Promise<string>) => {
    const startedAt = real()
    const token = await source()
    return { token, waited: real() - startedAt }
  }

  await t.test('nobody waits for it, and it is asked for once', async (t) => {
    const endpoint = await startEndpoint(t, numbered(LIFE))
    const source = endpoint.source()
    t.equal(await source(), 'token-1')
    advance(0.69 * LIFE)
    t.equal(await source(), 'token-1')
    await pause(50)
    t.equal(endpoint.asked.length, 1, 'not before its time')

    endpoint.answer = (request, response) =>
      setTimeout(() => json({ access_token: 'renewed', expires_in: LIFE })(request, response), 300)
    advance(0.02 * LIFE)
    for (let call = 0; call < 20; call += 1) {
      const { token, waited } = await waitedFor(source)
      t.equal(token, 'token-1')
      t.ok(waited < 100, `${waited} ms`)
    }
    await eventually(async () => (await source()) === 'renewed')
    t.equal(endpoint.asked.length, 2)
  })

  await t.test(
    'its failure hurts nobody while the token is good, and is tried again after a second',
    async (t) => {
      const endpoint = await startEndpoint(t, numbered(LIFE))
      const source = endpoint.source()
      t.equal(await source(), 'token-1')
      advance(0.75 * LIFE)
      for (const answer of [text('', 500), hangUp, json({ error: 'invalid_client' }, 401)]) {
        endpoint.answer = answer
        const before = endpoint.asked.length
        for (let call = 0; call < 20; call += 1) {
          t.equal(await source(), 'token-1')
          await pause(5)
        }
        t.equal(endpoint.asked.length, before + 1, 'not at every call')
        advance(2)
      }
      endpoint.answer = json({ access_token: 'renewed', expires_in: LIFE })
      await eventually(async () => (await source()) === 'renewed')
    }
  )

  await t.test('it hangs: whoever calls is not kept waiting while the token is good', async (t) => {
    const endpoint = await startEndpoint(t, numbered(LIFE))
    const source = endpoint.source()
    await source()
    advance(0.8 * LIFE)
    endpoint.answer = hang
    for (let call = 0; call < 5; call += 1) {
      const { token, waited } = await waitedFor(source)
      t.equal(token, 'token-1')
      t.ok(waited < 100, `${waited} ms`)
    }
    await eventually(() => endpoint.asked.length === 2)
  })

  await t.test('10 s before its end a token is handed out no more: an error is better', async (t) => {
    const endpoint = await startEndpoint(t, numbered(LIFE))
    const source = endpoint.source()
    await source()
    endpoint.answer = text('', 500)
    advance(LIFE - 10.5)
    t.equal(await source(), 'token-1')
    await pause(100)
    advance(0.5)
    t.match((await errorOf(source())).message, /gave no token: 500/)
    endpoint.answer = json({ access_token: 'renewed', expires_in: LIFE })
    t.equal(await source(), 'renewed')
  })

  await t.test('whoever slept past the end of the token gets a new one', async (t) => {
    const endpoint = await startEndpoint(t, numbered(LIFE))
    const source = endpoint.source()
    await source()
    advance(2 * LIFE)
    t.strictSame(new Set(await Promise.all(Array.from({ length: 100 }, source))), new Set(['token-2']))
    t.equal(endpoint.asked.length, 2)
  })

  await t.test('a token that lives for 10 or 30 s is renewed ahead of its end, too', async (t) => {
    for (const life of [10, 30]) {
      const endpoint = await startEndpoint(t, numbered(life))
      const source = endpoint.source()
      await source()
      const tokens = new Set<string>()
      for (let passed = 0; passed < life; passed += 0.1) {
        const asked = endpoint.asked.length
        advance(0.1)
        tokens.add(await source())
        t.equal(endpoint.asked.length, asked, 'nobody waited')
        await pause(20)
      }
      t.ok(tokens.size > 1)
    }
  })
})
