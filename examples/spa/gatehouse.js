/**
 * Calls a Gatehouse with the browser's cookies. The tokens in them are HttpOnly: no script ever sees one, this included.
 * `call` refreshes silently where the access token has run out, and rejects with Gatehouse's problem (RFC 9457) as an error.
 */
export function createGatehouse(origin) {
  let refreshing
  let refreshed = 0

  async function send(method, path, body) {
    const response = await fetch(origin + path, {
      method,
      credentials: 'include',
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    }).catch(() => {
      throw new Error('Gatehouse cannot be reached, or does not allow this origin.')
    })
    const answer = await response.json().catch(() => undefined)
    if (response.ok) return answer
    throw Object.assign(new Error(answer?.title ?? `Gatehouse answered ${response.status}.`), answer)
  }

  // Calls that are refused together wait for one refresh. Other tabs may refresh at the same time: Gatehouse allows it.
  function refresh() {
    refreshing ??= send('POST', '/auth/refresh')
      .then(() => {
        refreshed += 1
      })
      .finally(() => {
        refreshing = undefined
      })
    return refreshing
  }

  return async function call(method, path, body) {
    const before = refreshed
    try {
      return await send(method, path, body)
    } catch (error) {
      if (error.code !== 'unauthorized' && error.code !== 'token_stale') throw error
      if (refreshed === before) await refresh()
      return send(method, path, body)
    }
  }
}
