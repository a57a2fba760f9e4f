import { decodeJwt } from 'jose'
import { ALGORITHMS } from '../../verifier/sources.ts'
import { OAuthError } from '../oauth/errors.ts'

/** The ways in which a client authenticates (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export type ClientCredentials =
  | { method: 'client_secret_basic' | 'client_secret_post'; clientId: string; secret: string }
  | { method: 'private_key_jwt'; clientId: string; assertion: string }

export const CLIENT_AUTHENTICATION_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt'
] as const

/** Signature algorithms of assertions. Ed25519 is the newer name of EdDSA (RFC 9864 §2.2). */
export const ASSERTION_ALGORITHMS = [...ALGORITHMS, 'Ed25519'] as const

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The form parameters that authenticate a client. */
export interface CredentialForm {
  client_id?: string | undefined
  client_secret?: string | undefined
  client_assertion?: string | undefined
  client_assertion_type?: string | undefined
}

/**
 * Reads the credentials of a request without verifying them. Throws an OAuthError `invalid_client` if there are none,
 * `invalid_request` if there are two kinds at once (RFC 6749 §2.3).
 */
export function readClientCredentials(
  authorization: string | undefined,
  form: CredentialForm
): ClientCredentials {
  const found = [fromHeader(authorization), fromSecret(form), fromAssertion(form)].filter(
    (credentials) => credentials !== undefined
  )
  const [credentials] = found
  if (!credentials) throw new OAuthError('invalid_client', 'The client did not say who it is.')
  if (found.length > 1) throw new OAuthError('invalid_request', 'More than one way of client authentication.')
  if (form.client_id !== undefined && form.client_id !== credentials.clientId) {
    throw new OAuthError('invalid_request', 'client_id is not that of the credentials.')
  }
  return credentials
}

function fromHeader(authorization: string | undefined): ClientCredentials | undefined {
  if (authorization === undefined) return undefined
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1)
    throw new OAuthError('invalid_client', 'The Authorization header is not Basic authentication.')
  return {
    method: 'client_secret_basic',
    clientId: formDecoded(text.slice(0, colon)),
    secret: formDecoded(text.slice(colon + 1))
  }
}

// RFC 6749 §2.3.1: the client form-encodes both parts before it joins them.
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    throw new OAuthError('invalid_client', 'The Authorization header is not Basic authentication.', error)
  }
}

function fromSecret({
  client_id: clientId,
  client_secret: secret
}: CredentialForm): ClientCredentials | undefined {
  if (secret === undefined) return undefined
  if (clientId === undefined) throw new OAuthError('invalid_request', 'client_id is missing.')
  return { method: 'client_secret_post', clientId, secret }
}

function fromAssertion({
  client_assertion: assertion,
  client_assertion_type: type
}: CredentialForm): ClientCredentials | undefined {
  if (assertion === undefined && type === undefined) return undefined
  if (assertion === undefined || type !== ASSERTION_TYPE) {
    throw new OAuthError('invalid_request', `An assertion needs client_assertion_type ${ASSERTION_TYPE}.`)
  }
  return { method: 'private_key_jwt', clientId: issuerOf(assertion), assertion }
}

// Reads the claimed issuer to find its keys. Nothing is trusted until a key has verified the assertion.
function issuerOf(assertion: string): string {
  try {
    const { iss } = decodeJwt(assertion)
    if (typeof iss === 'string') return iss
  } catch (error) {
    throw new OAuthError('invalid_client', 'The client assertion is not a JWT.', error)
  }
  throw new OAuthError('invalid_client', 'The client assertion names no issuer.')
}
