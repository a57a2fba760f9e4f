import type { Config } from '../config.ts'
import { error, type Finding, ok } from './finding.ts'

/** Whether browsers keep the cookies and bring them along, by the settings alone. */
export function cookieFindings({
  AUTH_ISSUER,
  AUTH_ALLOWED_ORIGINS,
  AUTH_COOKIE_DOMAIN: domain
}: Config): Finding[] {
  const issuer = new URL(AUTH_ISSUER)
  const findings: Finding[] = []
  if (domain && !siteOf(domain).includes('.'))
    findings.push(
      error(
        `AUTH_COOKIE_DOMAIN ${domain} is no one’s own: browsers refuse the cookie`,
        'Name the domain that you registered, such as example.com, or leave the setting out.'
      )
    )
  for (const origin of AUTH_ALLOWED_ORIGINS) {
    const app = new URL(origin)
    if (app.protocol === issuer.protocol && siteOf(app.hostname) === siteOf(issuer.hostname)) continue
    findings.push(
      error(
        `AUTH_ALLOWED_ORIGINS ${origin} is another site than ${AUTH_ISSUER}: browsers send it no cookies (SameSite)`,
        'Put both on hosts of one domain, by the same scheme: app.example.com and auth.example.com.'
      )
    )
  }
  return findings.length > 0 ? findings : [ok('Browsers keep the cookies and bring them along')]
}

// The registrable domain, near enough without the public suffix list: co.uk and its like are short before a country's two letters.
function siteOf(host: string): string {
  const labels = host.split('.')
  if (/^[\d.]+$|^\[/.test(host) || labels.length < 2) return host
  const [second = '', top = ''] = labels.slice(-2)
  const isShared = top.length === 2 && /^(ac|co|com|edu|gov|net|ne|or|org)$/.test(second)
  const wanted = isShared ? 3 : 2
  return labels.length < wanted ? 'shared' : labels.slice(-wanted).join('.')
}
