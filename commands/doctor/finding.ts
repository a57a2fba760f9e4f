export type Severity = 'error' | 'warning' | 'ok'

/** What one look found. `advice` says in a sentence what to do, wherever there is anything to do. */
export interface Finding {
  severity: Severity
  message: string
  advice?: string
}

/** What works. */
export function ok(message: string): Finding {
  return { severity: 'ok', message }
}

/** What works, and is to be mended all the same. */
export function warning(message: string, advice: string): Finding {
  return { severity: 'warning', message, advice }
}

/** What does not work, or is not safe. */
export function error(message: string, advice: string): Finding {
  return { severity: 'error', message, advice }
}
