import { createHmac, createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { CompactEncrypt, exportJWK, importJWK } from 'jose'
import t from 'tap'
import { openKey } from '../../domain/keys/signing-key.ts'
import { build } from '../harness/build.ts'

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const ALGORITHMS = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' }

t.test('tokens made of what everybody may know', async (t) => {
  const { app, browser, signUp } = await build(t)
  const ada = await signUp()
  const jwks = await browser().get('/.well-known/jwks.json')
  const { publicPem } = openKey(app.signingKeys.schedule().active, app.derivedKeys.signingKeyWrap)
  const [headerPart = '', payloadPart = ''] = ada.value('access').split('.')
  const header = JSON.parse(Buffer.from(headerPart, 'base64url').toString())
  const codeOf = async (token: string) =>
    (await browser().get('/auth/me', { authorization: `Bearer ${token}` })).body?.code

  await t.test('an HMAC keyed by any form of our public key is refused', async (t) => {
    const key = createPublicKey(publicPem)
    const der = key.export({ type: 'spki', format: 'der' })
    const jwk = key.export({ format: 'jwk' })
    const published = jwks.body.keys.find(({ kid }: { kid: string }) => kid === header.kid)
    const prefixes = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte]))
    const invisible = ['\ufeff', '\u200b', '\u2060', '\u00a0', '\r\n', ' \t'].map((text) => Buffer.from(text))
    const secrets: Array<string | Buffer> = [
      '',
      der,
      der.toString('base64'),
      der.toString('hex'),
      publicPem,
      publicPem.trim(),
      publicPem.replaceAll('\n', '\r\n'),
      publicPem.replaceAll(/-----.*-----|\s/g, ''),
      JSON.stringify(jwk),
      JSON.stringify(published),
      JSON.stringify([published]),
      JSON.stringify({ keys: [published] }),
      jwks.text,
      header.kid,
      ...[...prefixes, ...invisible].map((prefix) => Buffer.concat([prefix, Buffer.from(publicPem)]))
    ]
    const believed: string[] = []
    for (const [alg, hash] of Object.entries(ALGORITHMS)) {
      const input = `${encode({ ...header, alg })}.${payloadPart}`
      for (const secret of secrets) {
        const token = `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`
        if ((await codeOf(token)) !== 'unauthorized') believed.push(`${alg} ${secret.toString('hex')}`)
      }
    }
    t.strictSame(believed, [])
  })

  await t.test('a token encrypted to our public key is refused', async (t) => {
    const jwk = await exportJWK(createPublicKey(publicPem))
    const claims = Buffer.from(payloadPart, 'base64url')
    const encrypted = await new CompactEncrypt(claims)
      .setProtectedHeader({ ...header, alg: 'ECDH-ES', enc: 'A256GCM' })
      .encrypt(await importJWK(jwk, 'ECDH-ES'))
    t.equal(encrypted.split('.').length, 5)
    t.equal(await codeOf(encrypted), 'unauthorized')
  })

  await t.test('no address in a request is fetched', async (t) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    let connections = 0
    server.on('connection', (socket) => {
      connections += 1
      socket.destroy()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys.json`
    const members = { jku: url, x5u: url, kid: url, iss: url, jwks_uri: url }
    for (const [name, value] of Object.entries(members)) {
      const token = `${encode({ ...header, [name]: value })}.${encode({ iss: value })}.AAAA`
      t.equal(await codeOf(token), 'unauthorized', name)
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: token,
        resource: url,
        request_uri: url,
        jwks_uri: url
      })
      const type = { 'content-type': 'application/x-www-form-urlencoded' }
      t.equal((await browser({}).post('/oauth/token', form.toString(), type)).status, 401, name)
    }
    t.equal((await ada.get(`/auth/check?role=${encodeURIComponent(url)}`)).status < 500, true)
    t.equal(connections, 0)
  })
})
