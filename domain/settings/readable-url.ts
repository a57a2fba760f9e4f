/** Returns whether a text is a URL whose parts can all be decoded. */
export function isReadableUrl(text: string): boolean {
  try {
    const { username, password, hostname, pathname } = new URL(text)
    for (const part of [username, password, hostname, pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}
