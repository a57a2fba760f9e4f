import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { TLSSocket } from 'node:tls'
import { DAY } from '../../domain/clock.ts'
import type { Config } from '../../domain/settings/config.ts'
import type { Check } from './checkup.ts'
import type { DatabaseReading } from './database.ts'
import { error, type Finding, ok, warning } from './finding.ts'
import { activeKid } from './keys.ts'

const SOON = 14 * DAY
/** Characters; metadata and keys are far shorter. */
const LONGEST_DOCUMENT = 256 * 1024

/** What answered at the issuer's address. */
export interface Answered {
  /** The `issuer` of the metadata; undefined if there are none. */
  issuer: string | undefined
  /** The ids of the published keys; undefined if there is no JWKS. */
  kids: string[] | undefined
  certificate: Certificate | undefined
}

export interface Certificate {
  /** Why it is not trusted, as OpenSSL names it; undefined if it is. */
  refusal: string | undefined
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** Checks that this Gatehouse answers at AUTH_ISSUER, over a connection as browsers make it. */
export function issuerCheck({ AUTH_ISSUER }: Config, database: DatabaseReading): Check {
  return {
    name: 'issuer',
    needs: ['AUTH_ISSUER', 'PORT'],
    look: (signal) => lookAtIssuer(AUTH_ISSUER, activeKid(database), signal),
    advice: 'Start Gatehouse and its reverse proxy; if they run, look at DNS, port and firewall.',
    failure: warning
  }
}

async function lookAtIssuer(
  issuer: string,
  kid: Promise<string | undefined>,
  signal: AbortSignal
): Promise<Finding[]> {
  try {
    const metadata = await ask(`${issuer}/.well-known/oauth-authorization-server`, signal)
    const jwks = await ask(`${issuer}/.well-known/jwks.json`, signal)
    const answered: Answered = {
      issuer: issuerIn(metadata.document),
      kids: kidsIn(jwks.document),
      certificate: metadata.certificate
    }
    return issuerFindings(issuer, answered, await kid, Date.now())
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    // Before the first start on one's own machine, nothing listens; and inside a container, localhost is the container.
    if (code === 'ECONNREFUSED' && /^https?:\/\/(localhost|127\.|\[::1\])/.test(issuer))
      return [ok(`Nothing answers at ${issuer} from here: proxy and certificate were not looked at`)]
    throw thrown
  }
}

async function ask(
  url: string,
  signal: AbortSignal
): Promise<{ document: unknown; certificate: Certificate | undefined }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // An untrusted certificate is a finding, and so is what the server behind it answers. The request carries no secret.
    const options = {
      agent: false,
      signal,
      rejectUnauthorized: false,
      headers: { accept: 'application/json' }
    }
    const request = url.startsWith('https:')
      ? getHttps(url, options, resolve)
      : getHttp(url, options, resolve)
    request.on('error', reject)
  })
  const certificate = certificateOf(response)
  return { document: parse(await readText(response)), certificate }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of response.setEncoding('utf8')) {
    text += part
    if (text.length > LONGEST_DOCUMENT) break
  }
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// The answer may come from an attacker, so the doctor prints no control characters from it.
function issuerIn(document: unknown): string | undefined {
  const { issuer } = (document ?? {}) as { issuer?: unknown }
  return typeof issuer === 'string' && /^[!-~]{1,200}$/.test(issuer) ? issuer : undefined
}

function kidsIn(document: unknown): string[] | undefined {
  const { keys } = (document ?? {}) as { keys?: unknown }
  if (!Array.isArray(keys)) return undefined
  return keys.flatMap((key) => (typeof key?.kid === 'string' ? [key.kid] : []))
}

function certificateOf({ socket }: IncomingMessage): Certificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { authorized, authorizationError } = socket
  return {
    refusal: authorized ? undefined : String(authorizationError),
    expiresAt: Date.parse(socket.getPeerCertificate().valid_to)
  }
}

/** Judges the answers. This Gatehouse publishes `kid`, if that is known. */
export function issuerFindings(
  issuer: string,
  { issuer: named, kids, certificate }: Answered,
  kid: string | undefined,
  now: number
): Finding[] {
  const findings = certificate ? certificateFindings(issuer, certificate, now) : []
  if (named !== issuer || kids === undefined)
    findings.push(
      error(
        `What answers at ${issuer} is not this Gatehouse${named === undefined ? '' : `: it calls itself ${named}`}`,
        'Point the reverse proxy at Gatehouse, or give AUTH_ISSUER the address that people use.'
      )
    )
  else if (kid !== undefined && !kids.includes(kid))
    findings.push(
      error(
        `What answers at ${issuer} publishes other keys than this database has`,
        'Let all instances, and this command, use one DATABASE_URL.'
      )
    )
  return findings.length > 0 ? findings : [ok(`${issuer} is this Gatehouse`)]
}

function certificateFindings(issuer: string, { refusal, expiresAt }: Certificate, now: number): Finding[] {
  if (refusal !== undefined) {
    return [
      error(
        `The certificate of ${issuer} is not believed (${refusal})`,
        'Renew it, or, where your own authority issued it, name its root in NODE_EXTRA_CA_CERTS.'
      )
    ]
  }
  const days = Math.floor((expiresAt - now) / DAY)
  if (expiresAt - now > SOON) return []
  return [
    warning(
      `The certificate of ${issuer} expires in ${days} days`,
      'Renew it, and see why that did not happen by itself.'
    )
  ]
}
