import type { Config } from '../../domain/settings/config.ts'
import { getsCookies } from '../../domain/settings/origins.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok } from './finding.ts'

/** Checks that browsers send the cookies from the allowed origins. */
export function cookiesCheck(config: Config): Check {
  return {
    name: 'cookies',
    needs: ['AUTH_ISSUER', 'AUTH_ALLOWED_ORIGINS'],
    look: () => cookieFindings(config),
    advice: 'Correct AUTH_ALLOWED_ORIGINS.'
  }
}

/** Judges the allowed origins by the settings alone. */
export function cookieFindings({ AUTH_ISSUER, AUTH_ALLOWED_ORIGINS }: Config): Finding[] {
  const findings: Finding[] = []
  for (const origin of AUTH_ALLOWED_ORIGINS) {
    if (getsCookies(origin, AUTH_ISSUER)) continue
    findings.push(
      error(
        `AUTH_ALLOWED_ORIGINS ${origin} is another site than ${AUTH_ISSUER}: browsers send it no cookies (SameSite)`,
        'Put both on hosts of one domain, by the same scheme: app.example.com and auth.example.com.'
      )
    )
  }
  return findings.length > 0 ? findings : [ok('Browsers keep the cookies and bring them along')]
}
