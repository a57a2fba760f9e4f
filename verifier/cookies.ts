/**
 * Returns every value that a Cookie header has for a name, in the order of the header (RFC 6265bis §5.6). Only SP and HTAB
 * are white space: any other character belongs to the name. Removes quotes around a value. Leaves empty values out.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (header === undefined) return values
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon < 0 ? header.length : semicolon
    const value = valueBetween(header, name, start, end)
    if (value !== undefined && value !== '') values.push(value)
    start = end + 1
  }
  return values
}

/** Returns the value of the pair between two offsets; undefined if the pair has another name. */
function valueBetween(header: string, name: string, start: number, end: number): string | undefined {
  const from = afterBlanks(header, start, end)
  if (!header.startsWith(name, from)) return undefined
  const equals = afterBlanks(header, from + name.length, end)
  if (equals >= end || header[equals] !== '=') return undefined
  return unquoted(header.slice(afterBlanks(header, equals + 1, end), beforeBlanks(header, equals + 1, end)))
}

// `String.prototype.trim` removes U+00A0, too. A sibling host could then pass its cookie off as `__Host-…`.
function afterBlanks(text: string, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(text.charCodeAt(at))) at += 1
  return at
}

function beforeBlanks(text: string, start: number, end: number): number {
  let at = end
  while (at > start && isBlank(text.charCodeAt(at - 1))) at -= 1
  return at
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}
