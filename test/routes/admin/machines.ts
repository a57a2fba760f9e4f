import { generateKeyPairSync } from 'node:crypto'
import type { Answer, Browser } from '../../harness/browser.ts'
import type { TestApp } from '../../harness/build.ts'

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
export const SECRET = /^ghs_[\w-]{43}$/
export const ISSUER = 'http://localhost:3000'
export const ORDERS = 'https://orders.example.com'
export const STOCK = 'https://stock.example.com'

export const isoOf = ({ clock }: TestApp) => new Date(clock()).toISOString()

/** What a client asks for a token with, and what came of it. */
export async function ask(
  { browser }: TestApp,
  id: string,
  secret: string,
  fields: Record<string, string> = {}
) {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: id,
    client_secret: secret,
    ...fields
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return browser({}).post('/oauth/token', form.toString(), headers)
}

/** A client that an administrator has just made. Throws an Error where it was refused. */
export async function make(
  administrator: Browser,
  scope: string,
  more: object = {}
): Promise<Answer['body']> {
  const { status, body, text } = await administrator.post('/admin/clients', { name: 'robot', scope, ...more })
  if (status !== 201) throw new Error(`no client: ${text}`)
  return body
}

/** Somebody who administers by a machine's bearer token. */
export async function machineWith(service: TestApp, administrator: Browser, scope: string): Promise<Browser> {
  const { id, clientSecret } = await make(administrator, scope)
  const { body, text } = await ask(service, id, clientSecret)
  if (!body.access_token) throw new Error(`no token: ${text}`)
  return service.browser({ authorization: `Bearer ${body.access_token}` })
}

export function publicKey(pair: { publicKey: { export(options: { format: 'jwk' }): object } }) {
  return pair.publicKey.export({ format: 'jwk' })
}
export const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ed25519 = generateKeyPairSync('ed25519')
export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
