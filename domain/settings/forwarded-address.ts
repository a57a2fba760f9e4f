import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** RFC 7239 §6: a node may have a port; an IPv6 address with a port is in brackets. */
const NODE = /^(?:\[([^\]]+)\](?::\d{1,5})?|([^:]+):\d{1,5}|([^[\]]+))$/

/** Addresses and CIDR ranges, as AUTH_TRUST_PROXY names them. */
export interface AddressRanges {
  has(address: string): boolean
}

/** Parses an address or a CIDR range. Returns undefined if the text is neither, or abbreviates its address. */
export function parseRange(text: string): { address: string; prefix: number } | undefined {
  const [address = '', prefix, ...rest] = text.split('/')
  if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return undefined
  const bits = isIPv4(address) ? 32 : 128
  if (prefix === undefined) return { address, prefix: bits }
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits
    ? { address, prefix: Number(prefix) }
    : undefined
}

/** Creates a matcher for these ranges. Throws an Error if `parseRange` rejects one. */
export function createRanges(texts: string[]): AddressRanges {
  const list = new BlockList()
  for (const text of texts) {
    const range = parseRange(text)
    if (!range) throw new Error(`${text} is not an address or a CIDR range`)
    const { address, prefix } = unmapped(range)
    list.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return {
    has(text) {
      const address = canonical(text)
      return isIP(address) !== 0 && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
    }
  }
}

/**
 * Returns the client's address: that of the connection or, while that is a trusted proxy's, the one before it in
 * X-Forwarded-For. If that entry is no address, calls `onRubbish` and returns the address of the proxy that passed it on.
 */
export function clientAddress(
  connection: string,
  forwardedFor: string | undefined,
  proxies: AddressRanges,
  onRubbish: () => void
): string {
  let address = canonical(connection)
  let end = forwardedFor?.length ?? 0
  while (forwardedFor !== undefined && end > 0 && proxies.has(address)) {
    const comma = forwardedFor.lastIndexOf(',', end - 1)
    const node = forwardedFor.slice(comma + 1, end).trim()
    end = Math.max(comma, 0)
    if (node === '') continue
    const before = addressOf(node)
    if (before === undefined) {
      onRubbish()
      return address
    }
    address = before
  }
  return address
}

function addressOf(node: string): string | undefined {
  const [, bracketed, withPort, bare] = NODE.exec(node) ?? []
  if (bracketed !== undefined) return isIPv6(bracketed) ? canonical(bracketed) : undefined
  const address = withPort ?? bare ?? ''
  return isIP(address) === 0 ? undefined : canonical(address)
}

/** Returns the one spelling of an address: mapped IPv4 as IPv4, IPv6 by RFC 5952. Drops the zone, which a client can invent. */
function canonical(address: string): string {
  if (!isIPv6(address)) return address
  const [unzoned = ''] = address.split('%', 1)
  return ipaddr.process(unzoned).toString()
}

// RFC 4291 §2.5.5.2
function unmapped({ address, prefix }: { address: string; prefix: number }) {
  const folded = canonical(address)
  return isIPv6(address) && isIPv4(folded) && prefix >= 96
    ? { address: folded, prefix: prefix - 96 }
    : { address, prefix }
}
