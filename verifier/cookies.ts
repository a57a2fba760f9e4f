/**
 * Every value that a Cookie header has for a name, in the order of the header (RFC 6265bis §5.6). White space is SP and
 * HTAB alone: another character is part of the name, and so of another cookie. Quotes around a value are taken off; an
 * empty value is left out.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || trimmed(pair, 0, equals) !== name) continue
    const value = unquoted(trimmed(pair, equals + 1, pair.length))
    if (value !== '') values.push(value)
  }
  return values
}

// `String.prototype.trim` takes U+00A0 off, too, by which a sibling host would pass its cookie off as `__Host-…`.
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
