import { execFileSync } from 'node:child_process'

/** Has `clean` called when this process ends, however a test runner ends it. Returns how to call that off. */
export function beforeExit(clean: () => void): () => void {
  const onSignal = () => process.exit(143)
  const events = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  process.prependOnceListener('exit', clean)
  for (const event of events) process.once(event, onSignal)
  return () => {
    process.removeListener('exit', clean)
    for (const event of events) process.removeListener(event, onSignal)
  }
}

/** Ends and removes, at once, whatever of a rehearsal is still there: also where its test was cut off. */
export function sweep(tag: number, pids: number[]): void {
  for (const pid of pids) attempt(() => process.kill(pid, 'SIGKILL'))
  const mine = (line: string) => line.startsWith(`gh${tag}`)
  for (const line of list(['netns', 'list']).filter(mine))
    attempt(() => execFileSync('ip', ['netns', 'delete', line.split(' ')[0] as string]))
  const links = list(['-o', 'link']).map((line) => line.split(': ')[1]?.split('@')[0] ?? '')
  for (const name of links.filter(mine))
    attempt(() => execFileSync('ip', ['link', 'delete', name], { stdio: 'ignore' }))
}

function list(words: string[]): string[] {
  return execFileSync('ip', words, { encoding: 'utf8' }).split('\n').filter(Boolean)
}

function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // It is gone already.
  }
}
