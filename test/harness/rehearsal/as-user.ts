import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Recipe } from './container.ts'
import { searchPath } from './shell.ts'

/** The command with its environment, folder and user, and with the capabilities that are left to it. */
export function asUser({ image, environment, folder, user, capabilities, command }: Recipe): string[] {
  const { uid, gid, home } = account(image, user)
  const variables = { PATH: searchPath().join(':'), HOME: home, ...environment }
  const kept =
    capabilities === 'all'
      ? '+all'
      : ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',')
  return [
    '/usr/bin/env',
    '-i',
    `--chdir=${folder}`,
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    ...['/usr/bin/setpriv', '--no-new-privs', `--bounding-set=${kept}`, '--inh-caps=-all'],
    ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'],
    ...command
  ]
}

/** A user by name or `uid:gid`, as the image knows it. A number that it doesn't know is a user without a home. */
function account(image: string, user: string): { uid: string; gid: string; home: string } {
  const lines = readFileSync(join(image, 'etc/passwd'), 'utf8').split('\n')
  const [wanted = ''] = user.split(':')
  const [, , uid, gid, , home] =
    lines.map((line) => line.split(':')).find(([name, , id]) => name === wanted || id === wanted) ?? []
  if (uid === undefined && /^\d+:\d+$/.test(user))
    return { uid: wanted, gid: user.split(':')[1] as string, home: '/' }
  if (uid === undefined || gid === undefined) throw new Error(`the image has no user ${user}`)
  return { uid, gid: user.split(':')[1] ?? gid, home: home ?? '/' }
}
