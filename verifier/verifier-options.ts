import { ALGORITHMS, type Algorithm } from './sources.ts'
import type { TokenSource } from './token-source.ts'

/** How a service follows what Gatehouse revokes. */
export interface Following {
  /** A bearer token with the scope `revocations:read`, or a function that returns one, called before every request. */
  token: string | (() => string | Promise<string>) | TokenSource
  /**
   * While Gatehouse has not answered for 10 s: `closed` refuses every token with 503, which is the default; `open`
   * accepts each until it expires.
   */
  whenLost?: 'closed' | 'open'
}

export interface VerifierOptions {
  /** Gatehouse's public URL, its `AUTH_ISSUER`: `iss` of its tokens. */
  issuer: string
  /** What `aud` of a token must be or hold: Gatehouse's `AUTH_AUDIENCE`, or what a client asked for as `resource`. */
  audience: string
  /** The address at which the service reaches Gatehouse, such as `http://gatehouse:3000`; `issuer` by default. */
  url?: string
  /** The accepted algorithms; by default, all that Gatehouse signs by. */
  algorithms?: Algorithm[]
  /** With `none`, a token is valid until it expires, even if its session has ended; `onWarning` says so at the start. */
  revocations: Following | 'none'
  /** Called with what the service's operator should know, such as a lost feed; `process.emitWarning` by default. */
  onWarning?: (warning: Error) => void
  /** Returns milliseconds since the epoch; `Date.now` by default. */
  clock?: () => number
}

/** Throws a TypeError for invalid options. */
export function validateVerifierOptions({
  issuer,
  audience,
  url,
  algorithms = [],
  revocations
}: VerifierOptions): void {
  const must = (holds: boolean, fault: string) => {
    if (!holds) throw new TypeError(fault)
  }
  must(isOrigin(issuer), 'issuer must be an origin, as AUTH_ISSUER of Gatehouse is')
  // Without https, an attacker in the network could replace the keys.
  must(
    url !== undefined || isProtected(new URL(issuer)),
    'issuer must be https: set url if the service reaches Gatehouse at another address'
  )
  must(
    url === undefined || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)),
    'url must be http or https'
  )
  must(
    typeof audience === 'string' && audience !== '',
    'audience is needed: the `aud` that tokens for this service have'
  )
  must(
    algorithms.every((algorithm) => ALGORITHMS.includes(algorithm)),
    `algorithms are ${ALGORITHMS.join(', ')}`
  )
  if (revocations === 'none') return
  const { token, whenLost = 'closed' } = Object(revocations) as Partial<Following>
  must(
    typeof token === 'function' || (typeof token === 'string' && token !== ''),
    'revocations are { token } to follow what Gatehouse revokes, or none'
  )
  must(whenLost === 'closed' || whenLost === 'open', 'revocations.whenLost is closed or open')
}

/** Tells whether the text is a scheme, a host and perhaps a port, without a path. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}

function isProtected({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true
  const isLoopback = /^(localhost|.+\.localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(hostname)
  return protocol === 'http:' && isLoopback
}
