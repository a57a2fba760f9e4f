import { operator } from '../../commands/operator.ts'
import type { NewClient } from '../../domain/clients/administration.ts'
import type { Answer } from '../harness/browser.ts'
import type { TestApp } from '../harness/build.ts'

export const FORM = 'application/x-www-form-urlencoded'
export const JSON_TYPE = 'application/json; charset=utf-8'
export const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' }
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** What a form says; text where a test wants to write it itself. */
export type Fields = Record<string, string> | string

/** A machine client that was registered, and what it knows. */
export interface Machine {
  id: string
  secret: string
  /** Its Authorization header. */
  basic: { authorization: string }
}

/** Registers a machine client as the operator does. With `jwks` it has no secret. */
export async function register(
  { app }: Pick<TestApp, 'app'>,
  input: Partial<NewClient> = {}
): Promise<Machine> {
  const whole = { name: 'a machine', scope: ['a', 'b'], audiences: [], jwks: [], ...input }
  const { client, made } = await app.clients.create(whole, operator)
  const secret = made?.secret ?? ''
  return { id: client.id, secret, basic: basic(client.id, secret) }
}

/** RFC 6749 §2.3.1: both parts encoded as in a form. */
export function basic(id: string, secret: string): { authorization: string } {
  return rawBasic(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)
}

/** What stands in the header, as it is. */
export function rawBasic(pair: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Sends a form as a machine does: without cookies, and without a page that it comes from. */
export function post(
  { browser }: Pick<TestApp, 'browser'>,
  path: string,
  fields: Fields,
  headers: Record<string, string> = {}
): Promise<Answer> {
  const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
  return browser({}).post(path, body, { 'content-type': FORM, ...headers })
}

/** A new access token of the machine's own. Throws an Error where it is refused. */
export async function tokenOf(service: TestApp, { basic }: Machine, fields: Record<string, string> = {}) {
  const { status, body, text } = await post(
    service,
    '/oauth/token',
    { ...CLIENT_CREDENTIALS, ...fields },
    basic
  )
  if (status !== 200) throw new Error(`no token: ${text}`)
  return body.access_token as string
}

/** The payload of a JWT, not verified. */
export function claimsOf(token: string): Record<string, unknown> {
  return partOf(token, 1)
}

/** The header of a JWT. */
export function headerOf(token: string): Record<string, unknown> {
  return partOf(token, 0)
}

function partOf(token: string, part: number): Record<string, unknown> {
  if (!JWT.test(token)) throw new Error('this is no JWT')
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString())
}

/** All that the answer of an OAuth endpoint says; compare it with `oauthRefusal()`. */
export function answerOf({ status, headers, cookies, body, text }: Answer) {
  return {
    status,
    type: headers['content-type'],
    cache: headers['cache-control'],
    authenticate: headers['www-authenticate'],
    cookies,
    body: body ?? text
  }
}

/** RFC 6749 §5.2: what a refusal must be, whole. */
export function oauthRefusal(status: number, error: string, description: string) {
  return {
    status,
    type: JSON_TYPE,
    cache: 'no-store',
    authenticate: status === 401 ? 'Basic realm="gatehouse"' : undefined,
    cookies: [],
    body: { error, error_description: description }
  }
}

/** The refusal of whoever is not who they say, whatever is wrong. */
export const NOT_WHO_IT_SAYS = oauthRefusal(401, 'invalid_client', 'The client is not who it says.')
