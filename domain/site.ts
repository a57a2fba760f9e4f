/** Whether a page of one origin sends the SameSite cookies of the other. */
export function isSameSite(origin: string, other: string): boolean {
  const [here, there] = [new URL(origin), new URL(other)]
  return here.protocol === there.protocol && siteOf(here.hostname) === siteOf(there.hostname)
}

/**
 * The registrable domain, near enough without the public suffix list: co.uk and its like are short before a country's two
 * letters. Without a dot where it is no one's own.
 */
export function siteOf(host: string): string {
  const labels = host.split('.')
  if (/^[\d.]+$|^\[/.test(host) || labels.length < 2) return host
  const [second = '', top = ''] = labels.slice(-2)
  const isShared = top.length === 2 && /^(ac|co|com|edu|gov|net|ne|or|org)$/.test(second)
  const wanted = isShared ? 3 : 2
  return labels.length < wanted ? 'shared' : labels.slice(-wanted).join('.')
}
