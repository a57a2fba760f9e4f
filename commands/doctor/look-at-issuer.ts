import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { TLSSocket } from 'node:tls'
import { type Finding, ok } from './finding.ts'
import { type Answered, type Certificate, issuerFindings } from './issuer.ts'

/** Metadata and keys are far smaller. */
const LONGEST_DOCUMENT = 256 * 1024

/** Who answers at the issuer's address, over a connection like anybody's. `kid` signs, where that is known. */
export async function lookAtIssuer(
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
    // Somebody's own machine before they started it; and inside a container localhost is the container.
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
    // A certificate that is not believed is a finding, and what is behind it another: nothing of ours is sent.
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

// Whoever answers may be anybody: nothing is printed that a terminal would obey.
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
