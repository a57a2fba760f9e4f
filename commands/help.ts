import { nearest } from '../domain/nearest.ts'
import type { Command } from './command.ts'
import { commands } from './index.ts'

const USAGE = 'Usage: ./gatehouse <command> [--json] [--help]\n       ./gatehouse --version'

/** Describes a command: its arguments, and what it does. */
export function helpOf({ name, usage, summary }: Command): string {
  return `  ./gatehouse ${name} ${usage}`.trimEnd().concat(`\n      ${summary}`)
}

/** Describes the commands whose names begin with these words: all, if there is no word. Returns undefined if none does. */
export function helpFor(words: string[]): string | undefined {
  const start = words.map((word) => `${word} `).join('')
  const listed = commands.filter(({ name }) => `${name} `.startsWith(start))
  return listed.length === 0 ? undefined : `${USAGE}\n\n${listed.map(helpOf).join('\n')}`
}

/** Says that there is no such command, which one may be meant, and how to call that. */
export function unknownCommand(words: string[]): string {
  const [subject = ''] = words
  const typed = words.slice(0, 2).join(' ')
  const names = commands.map(({ name }) => name)
  const subjects = names.map((name) => name.replace(/ .*/, ''))
  const meant = nearest(typed, names) ?? nearest(subject, subjects)
  const question = meant === undefined || meant === subject ? '' : `. Did you mean ${meant}?`
  return `There is no command ${typed}${question}\n\n${helpFor(meant?.split(' ') ?? [])}`
}
