import t, { type Test } from 'tap'
import { createVerifier, type VerifierOptions } from '../../verifier/index.ts'
import { listen } from './gatehouse.ts'
import { hang, hangUp, impersonate, json, redirect, text } from './impostor.ts'
import { eventually } from './tokens.ts'

/** A verifier, and the warnings that it gave. */
function watched(t: Test, options: Pick<VerifierOptions, 'issuer' | 'audience' | 'url'>) {
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => {
    if (!message.startsWith('revocations are not followed')) warnings.push(message)
  }
  const verifier = createVerifier({ ...options, revocations: 'none', onWarning })
  t.teardown(() => verifier.close())
  return { verifier, warnings }
}

t.test('a verifier warns once if its issuer or audience is not that of the metadata', async (t) => {
  const gatehouse = await listen(t, { env: { AUTH_AUDIENCE: 'https://shop.example.com' } })
  const { issuer: url } = gatehouse
  const issuer = 'https://auth.example.com'
  const audience = 'https://orders.example.com'
  const { verifier, warnings } = watched(t, { issuer, url, audience })
  await eventually(() => warnings.length === 2)
  for (let n = 0; n < 3; n += 1) await verifier.verify('x').catch(() => {})
  t.strictSame(warnings, [
    `issuer is ${issuer}, but Gatehouse's AUTH_ISSUER is ${url}: every token will be refused`,
    `audience is ${audience}, but Gatehouse's AUTH_AUDIENCE is https://shop.example.com: tokens of people will be refused`
  ])
})

t.test('a verifier that agrees with the metadata does not warn', async (t) => {
  const impostor = await impersonate(t)
  const { issuer } = impostor
  let asked = 0
  impostor.metadata = (request, response) => {
    asked += 1
    json({ issuer, protected_resources: [issuer, 'https://other.example'] })(request, response)
  }
  const { verifier, warnings } = watched(t, { issuer, audience: issuer })
  await verifier.verify(impostor.token())
  await eventually(() => asked === 1)
  t.strictSame(warnings, [])
})

t.test('metadata that cannot be read, or say nothing of an audience, stop nothing', async (t) => {
  const other = await impersonate(t)
  const answers = [hang, hangUp, json({}), json(null), json([]), text('<html>', 404), redirect(other.issuer)]
  for (const metadata of answers) {
    const impostor = await impersonate(t)
    const { issuer } = impostor
    impostor.metadata = metadata
    const { verifier, warnings } = watched(t, { issuer, audience: issuer })
    t.match(await verifier.verify(impostor.token()), { subject: 'ada' })
    t.strictSame(warnings, [])
  }
  t.strictSame(other.requests, [])
})
