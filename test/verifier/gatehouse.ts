import { createPrivateKey } from 'node:crypto'
import { openKey } from '../../domain/keys/signing-key.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../verifier/index.ts'
import { type BuildOptions, build, type Teardown, type TestApp } from '../harness/build.ts'
import { freePort } from '../harness/port.ts'
import { type Json, type Sign, signer, UNFOLLOWED } from './tokens.ts'

/** A Gatehouse that other services reach at its issuer. */
export interface ListeningGatehouse extends TestApp {
  issuer: string
  port: number
  /** Signs by its active key whatever a test has to say. */
  sign: Sign
  /** The claims of a machine's token, some of them changed. */
  machine(changes?: Json): Json
  /** A new token of a machine that may follow what is revoked. */
  follower(): string
}

export async function listen(t: Teardown, options: BuildOptions = {}): Promise<ListeningGatehouse> {
  const port = await freePort()
  const issuer = options.env?.AUTH_ISSUER ?? `http://localhost:${port}`
  const gatehouse = await build(t, { ...options, env: { ...options.env, AUTH_ISSUER: issuer } })
  const { app, clock } = gatehouse
  await app.listen({ host: '127.0.0.1', port })
  const active = openKey(app.signingKeys.schedule().active, app.derivedKeys.signingKeyWrap)
  const sign = signer({ ...active, privateKey: createPrivateKey(active.privatePem) })

  function machine(changes: Json = {}): Json {
    const now = Math.floor(clock() / 1000)
    const names = { sub: 'robot', client_id: 'robot', jti: 'robot-token', scope: 'orders:read' }
    return { iss: issuer, aud: issuer, ...names, iat: now, exp: now + 300, ...changes }
  }

  return {
    ...gatehouse,
    issuer,
    port,
    sign,
    machine,
    follower: () => sign(machine({ scope: 'revocations:read' }))
  }
}

/** A verifier as another service has it, in the test's time, closed when the test is over. */
export function verifierFor(
  t: Teardown,
  { issuer, clock }: { issuer: string; clock?: () => number },
  options: Partial<VerifierOptions> = {}
): Verifier {
  const verifier = createVerifier({
    issuer,
    audience: issuer,
    ...UNFOLLOWED,
    ...(clock && { clock }),
    ...options
  })
  t.teardown(() => verifier.close())
  return verifier
}
