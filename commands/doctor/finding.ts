export type Severity = 'error' | 'warning' | 'ok'

/** What one check found. `advice` says in a sentence what to do, if there is anything to do. */
export interface Finding {
  severity: Severity
  message: string
  advice?: string
}

/** Makes a finding of what works. */
export function ok(message: string): Finding {
  return { severity: 'ok', message }
}

/** Makes a finding of what works, but should be corrected. */
export function warning(message: string, advice: string): Finding {
  return { severity: 'warning', message, advice }
}

/** Makes a finding of what does not work, or is not safe. */
export function error(message: string, advice: string): Finding {
  return { severity: 'error', message, advice }
}
