import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Returns whether this is a loopback host name or address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const address = host.replace(/^\[|\]$/g, '')
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback'
}

/** Returns whether this origin is https, or of a loopback host. */
export function isHttpsOrLoopback(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return protocol === 'https:' || isLoopback(hostname)
}
