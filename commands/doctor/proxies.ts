import ipaddr from 'ipaddr.js'
import type { Config } from '../../domain/settings/config.ts'
import { parseRange } from '../../domain/settings/forwarded-address.ts'
import type { Check } from './checkup.ts'
import { error, type Finding, ok, warning } from './finding.ts'

/** The shortest prefix of a range of public addresses that can be all one owner's. */
const NARROWEST = { ipv4: 16, ipv6: 32 }
const ADVICE = 'Name the address of your reverse proxy, or the narrow range that it is in.'

/** Checks which proxies may say where a request comes from. */
export function proxiesCheck(config: Config): Check {
  return {
    name: 'proxies',
    needs: ['AUTH_ISSUER', 'AUTH_TRUST_PROXY'],
    look: () => proxyFindings(config),
    advice: 'Correct AUTH_TRUST_PROXY.'
  }
}

/** Judges the trusted ranges. */
export function proxyFindings({ AUTH_TRUST_PROXY: ranges, secure }: Config): Finding[] {
  if (secure && ranges.length === 0) {
    return [
      warning(
        'AUTH_TRUST_PROXY is not set although AUTH_ISSUER is https: everybody behind the proxy shares one rate limit',
        'Set it to the address of the reverse proxy that ends TLS.'
      )
    ]
  }
  const wide = ranges.filter(isWide)
  if (wide.length > 0) {
    return wide.map((range) =>
      error(`AUTH_TRUST_PROXY ${range} trusts strangers: they can pretend to be anywhere`, ADVICE)
    )
  }
  return [
    ok(ranges.length > 0 ? `${ranges.join(', ')} may say where requests come from` : 'No proxy is trusted')
  ]
}

function isWide(range: string): boolean {
  const parsed = parseRange(range)
  if (!parsed) return false
  const { prefix } = parsed
  const address = ipaddr.parse(parsed.address)
  if (prefix === 0) return true
  return address.range() === 'unicast' && prefix < NARROWEST[address.kind()]
}
