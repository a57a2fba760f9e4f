import { isGuessable } from '../keys/master-key.ts'

/** How metrics are exposed: not at all, on a separate port, or on the service's port to clients that have the token. */
export type MetricsExposure =
  | { by: 'nothing' }
  | { by: 'port'; port: number }
  | { by: 'token'; token: string }

const TOKEN = /^[A-Za-z0-9_-]{32,}$/
const LARGEST_PORT = 65_535

/** Parses `AUTH_METRICS`. */
export function metricsExposure(setting: string): MetricsExposure {
  if (setting === 'off') return { by: 'nothing' }
  return isNumber(setting) ? { by: 'port', port: Number(setting) } : { by: 'token', token: setting }
}

/** Returns the fault of `AUTH_METRICS` on a service on `servicePort`: at most one, which never shows the token. */
export function metricsFault(setting: string, servicePort: number): string[] {
  const exposure = metricsExposure(setting)
  if (exposure.by === 'nothing') return []
  if (exposure.by === 'token') return tokenFault(exposure.token)
  if (exposure.port < 1 || exposure.port > LARGEST_PORT)
    return ['AUTH_METRICS must be a port from 1 to 65535']
  return exposure.port === servicePort ? ['AUTH_METRICS must be another port than PORT'] : []
}

function tokenFault(token: string): string[] {
  if (!TOKEN.test(token)) {
    return ['AUTH_METRICS must be off, a port, or a token of 32 or more characters of base64url']
  }
  return isGuessable(token) ? ['AUTH_METRICS is not random: use the output of a generator'] : []
}

// More digits than a port has are read as a token, and checked as one.
function isNumber(setting: string): boolean {
  return /^\d{1,5}$/.test(setting)
}
