import { matchesGlob } from 'node:path'

/** Whether .dockerignore keeps a path (relative, with slashes) out of the build: its last line that fits decides. */
export function readIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keeps: line.startsWith('!'), pattern: line.replace(/^!/, '').replace(/\/$/, '') }))
  return (path) => {
    const lines = withParents(path)
    const last = rules.findLast(({ pattern }) => lines.some((line) => matchesGlob(line, pattern)))
    return last !== undefined && !last.keeps
  }
}

/** `a/b/c`: what is said of `a` and of `a/b` holds for it, too. */
function withParents(path: string): string[] {
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}
