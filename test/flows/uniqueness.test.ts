import { generateKeyPairSync, randomBytes } from 'node:crypto'
import t from 'tap'
import { deriveKeys } from '../../domain/keys/master-key.ts'
import { readSigningKey } from '../../domain/keys/signing-key.ts'
import { build } from '../harness/build.ts'
import { run } from '../harness/program.ts'
import { CLIENT_CREDENTIALS, claimsOf, post, register } from '../oauth/machine.ts'

const MANY = 2_000
const PROCESSES = 4
const ROOT = new URL('../..', import.meta.url)
/** Bytes of a nonce of AES-GCM (NIST SP 800-38D §8.2.2), at the beginning of what was sealed. */
const NONCE = 12

/** A program that prints ids and secrets, made by the functions of the service. */
const MAKE = `
  import { makeClientSecret } from './domain/clients/secret.ts'
  import { uuidv7 } from './domain/id.ts'
  const lines = Array.from({ length: ${MANY} }, () => uuidv7() + ' ' + makeClientSecret())
  process.stdout.write(lines.join('\\n'))
`

t.test('2,000 tokens asked for in parallel are 2,000 different ones', async (t) => {
  const service = await build(t)
  const machine = await register(service)
  const answers = await Promise.all(
    Array.from({ length: MANY }, () => post(service, '/oauth/token', CLIENT_CREDENTIALS, machine.basic))
  )
  const tokens = answers.map(({ body }) => body.access_token as string)
  t.equal(new Set(tokens).size, MANY)
  t.equal(new Set(tokens.map((token) => claimsOf(token).jti)).size, MANY, 'each has a jti of its own')
})

t.test('2,000 keys sealed at once have 2,000 nonces', async (t) => {
  const wrapKey = deriveKeys(randomBytes(48)).signingKeyWrap.current
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const sealed = await Promise.all(Array.from({ length: MANY }, () => readSigningKey(pem, wrapKey)))
  const nonces = sealed.map(({ sealedPrivateKey }) =>
    Buffer.from(sealedPrivateKey, 'base64url').subarray(0, NONCE).toString('hex')
  )
  t.equal(new Set(nonces).size, MANY)
})

t.test('four processes at the same moment make no id and no secret twice', async (t) => {
  const outputs = await Promise.all(
    Array.from({ length: PROCESSES }, () => run(['--input-type=module', '--eval', MAKE], { cwd: ROOT }))
  )
  const pairs = outputs.flatMap(({ stdout }) => stdout.split('\n').map((line) => line.split(' ')))
  for (const place of [0, 1]) t.equal(new Set(pairs.map((pair) => pair[place])).size, PROCESSES * MANY)
})
