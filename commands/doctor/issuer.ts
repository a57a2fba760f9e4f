import { DAY } from '../../domain/clock.ts'
import { error, type Finding, ok, warning } from './finding.ts'

const SOON = 14 * DAY

/** What answered at the issuer's address. */
export interface Answered {
  /** What the metadata say; undefined where they are none. */
  issuer: string | undefined
  /** Of the published keys; undefined where there are none. */
  kids: string[] | undefined
  certificate: Certificate | undefined
}

export interface Certificate {
  /** Why it is not believed, as OpenSSL names it; undefined where it is. */
  refusal: string | undefined
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** Whether it is this Gatehouse that answers: one that publishes `kid`, where that is known. */
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
