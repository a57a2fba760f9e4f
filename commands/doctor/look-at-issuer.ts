import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { json } from 'node:stream/consumers'
import { TLSSocket } from 'node:tls'
import { type Finding, ok } from '../../domain/doctor/finding.ts'
import { type Answered, type Certificate, issuerFindings } from '../../domain/doctor/issuer.ts'

interface Document {
  issuer?: string
  keys?: Array<{ kid: string }>
}

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
      issuer: metadata.document.issuer,
      kids: jwks.document.keys?.map((key) => key.kid),
      certificate: metadata.certificate
    }
    return issuerFindings(issuer, answered, await kid, Date.now())
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    // Somebody's own machine before they started it; and inside a container localhost is the container.
    if (code === 'ECONNREFUSED' && /^https?:\/\/(localhost|127\.|\[::1\])/.test(issuer))
      return [ok(`Nothing answers at ${issuer} from here`)]
    throw thrown
  }
}

async function ask(
  url: string,
  signal: AbortSignal
): Promise<{ document: Document; certificate: Certificate | undefined }> {
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
  return { document: (await json(response).catch(() => ({}))) as Document, certificate }
}

function certificateOf({ socket }: IncomingMessage): Certificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  const { authorized, authorizationError } = socket
  return {
    refusal: authorized ? undefined : String(authorizationError),
    expiresAt: Date.parse(socket.getPeerCertificate().valid_to)
  }
}
