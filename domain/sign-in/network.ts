import { isIPv4, isIPv6 } from 'node:net'

const GROUPS = 8
const IPV6_NETWORK_GROUPS = 4

/** Returns the network of an address in CIDR form: an IPv4 /24 or an IPv6 /64. Returns a text that is no address unchanged. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
  const [unzoned = ''] = address.split('%', 1)
  if (!isIPv6(unzoned)) return address
  const groups = groupsOf(unzoned)
  const mapped = mappedIPv4(groups)
  if (mapped !== undefined) return networkOf(mapped)
  return `${groups.slice(0, IPV6_NETWORK_GROUPS).join(':')}::/64`
}

function groupsOf(address: string): string[] {
  // URL gives the shortest form (RFC 5952), and converts a dotted IPv4 end into groups.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(GROUPS - (before?.length ?? 0) - (after?.length ?? 0)).fill('0')
  return [...(before ?? []), ...zeros, ...(after ?? [])]
}

// RFC 4291 §2.5.5.2: a dual-stack socket reports an IPv4 client's address in this form.
function mappedIPv4(groups: string[]): string | undefined {
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return undefined
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
  return bytes.join('.')
}
