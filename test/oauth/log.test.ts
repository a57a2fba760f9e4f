import t from 'tap'
import { operator } from '../../commands/operator.ts'
import { build } from '../harness/build.ts'
import { captureLog } from '../harness/log.ts'
import { assertion, makeKey, shown } from './assertion.ts'
import { basic, CLIENT_CREDENTIALS, FORM, post, rawBasic, register, tokenOf } from './machine.ts'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const CANARY = 'canary-that-nobody-may-hear'

/** Whatever of a JWT or a secret must not be in a log: the end of it is enough to know it by. */
const tailOf = (text: string) => text.slice(-16)

t.test('no line of the log has a secret, an assertion or a token in it', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log, env: { LOG_LEVEL: 'trace' } })
  const { app, clock, browser } = service
  const machine = await register(service, {
    scope: ['tokens:introspect', 'a'],
    grants: ['client_credentials', EXCHANGE]
  })
  const key = await makeKey('ES256', 'mine')
  const signer = await register(service, { jwks: [key.jwk] })
  const other = await makeKey('ES256', 'mine')
  const ada = await service.signUp()
  const person = ada.value('access')
  const added = await app.clients.addSecret(machine.id, null, operator)
  const assertions = [
    await assertion(signer.id, key, clock()),
    await assertion(signer.id, other, clock()),
    await assertion(signer.id, key, clock(), { claims: { aud: 'x', iss: signer.id } }),
    await assertion(signer.id, key, clock(), { claims: { exp: 1 } })
  ]
  const token = await tokenOf(service, machine)
  const secrets = [machine.secret, added.secret, token, person, ...assertions].map(tailOf)

  const tokens = [token, person, `${token}${CANARY}`, CANARY, `${CANARY}.${CANARY}.${CANARY}`]
  for (const each of tokens) {
    for (const path of ['/oauth/introspect', '/oauth/revoke', `/oauth/introspect?token=${each}`])
      await post(service, path, { token: each }, machine.basic)
    const exchange = { grant_type: EXCHANGE, subject_token: each, subject_token_type: ACCESS_TOKEN }
    await post(service, '/oauth/token', exchange, machine.basic)
  }
  for (const each of [...assertions, ...assertions, CANARY, `e30.${CANARY}.x`])
    await post(service, '/oauth/token', { ...CLIENT_CREDENTIALS, ...shown(each) })
  const headers = [
    machine.basic,
    basic(machine.id, added.secret),
    basic(machine.id, CANARY),
    basic(CANARY, machine.secret),
    rawBasic(`%${CANARY}:%${machine.secret}`),
    { authorization: `Basic ${CANARY}` },
    { authorization: `Bearer ${machine.secret}` }
  ]
  for (const each of headers)
    await post(service, '/oauth/token', { ...CLIENT_CREDENTIALS, scope: CANARY }, each)
  const odd = [
    `client_secret=${CANARY}&client_secret=${machine.secret}`,
    `grant_type=${CANARY}&resource=${CANARY}&client_id=${machine.id}&client_secret=${machine.secret}`,
    `client_secret=${CANARY}`,
    `client_assertion_type=${CANARY}`,
    `client_id=${machine.id}&client_secret=${CANARY.repeat(400)}`,
    `{"client_secret":"${CANARY}"}`
  ]
  for (const each of odd) {
    await post(service, `/oauth/token?client_secret=${machine.secret}`, each)
    await browser({}).post('/oauth/token', each, { 'content-type': 'application/json' })
  }
  await browser({}).get(`/oauth/token?client_secret=${machine.secret}&x=${CANARY}`, { 'content-type': FORM })

  const whole = JSON.stringify(lines)
  t.ok(lines.length > 50, 'it is a log of all that')
  t.match(whole, /token issued/)
  t.match(whole, /refused/)
  for (const [at, secret] of secrets.entries()) t.notOk(whole.includes(secret), `secret ${at}`)
  t.notOk(whole.includes(CANARY), 'nor anything else of what was shown')
})

t.test('the log says which client got which token, and why one was refused', async (t) => {
  const { log, lines } = captureLog()
  const service = await build(t, { log })
  const machine = await register(service)
  await tokenOf(service, machine, { scope: 'a' })
  await post(service, '/oauth/token', CLIENT_CREDENTIALS, basic(machine.id, 'wrong'))
  const issued = lines.find(({ msg }) => msg === 'token issued')
  t.match(issued, { clientId: machine.id, sub: machine.id, scope: 'a', jti: String })
  const refused = lines.find(({ msg }) => msg === 'refused')
  t.match(refused, { code: 'invalid_client', description: 'The client is not who it says.', ip: '127.0.0.1' })
})
