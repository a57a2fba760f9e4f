const TIMEOUT = 3000

export interface Expected {
  /** Gatehouse's address from here. */
  base: URL
  issuer: string
  audience: string
  onWarning: (warning: Error) => void
}

/**
 * Warns if Gatehouse's metadata (RFC 8414) name another issuer, or do not list the audience (RFC 9728 §4). Does nothing if
 * they cannot be read: a verifier that cannot reach Gatehouse says so otherwise. Never rejects.
 */
export async function compareWithMetadata({ base, issuer, audience, onWarning }: Expected): Promise<void> {
  try {
    for (const fault of differences(await fetchMetadata(base), issuer, audience)) onWarning(new Error(fault))
  } catch {}
}

async function fetchMetadata(base: URL): Promise<Record<string, unknown>> {
  const response = await fetch(new URL('/.well-known/oauth-authorization-server', base), {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT)
  })
  return (await response.json()) as Record<string, unknown>
}

function differences(
  { issuer: actual, protected_resources: audiences }: Record<string, unknown>,
  issuer: string,
  audience: string
): string[] {
  const faults: string[] = []
  if (typeof actual === 'string' && actual !== issuer)
    faults.push(`issuer is ${issuer}, but Gatehouse's AUTH_ISSUER is ${actual}: every token will be refused`)
  if (Array.isArray(audiences) && !audiences.includes(audience))
    faults.push(
      `audience is ${audience}, but Gatehouse's AUTH_AUDIENCE is ${audiences.join(' ')}: tokens of people will be refused`
    )
  return faults
}
