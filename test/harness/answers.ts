import { execFileSync } from 'node:child_process'

/** Returns whether a program is installed: whether it exits with 0 after these words. */
export function answers(program: string, words = ['--version']): boolean {
  try {
    execFileSync(program, words, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
