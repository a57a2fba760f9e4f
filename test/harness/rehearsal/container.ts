import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { asUser } from './as-user.ts'
import type { Place } from './network.ts'
import { nodeMounts, systemMounts } from './root-folder.ts'

/** All that a container is made of. Paths of `mounts` and of `root` are this machine's. */
export interface Recipe {
  name: string
  /** The image's root folder, and the empty one where this container sees it. */
  image: string
  root: string
  hasNode: boolean
  /** Without one it is on this machine's network. */
  place: Place | undefined
  mounts: Array<{ source: string; target: string; readOnly: boolean }>
  tmpfs: string[]
  readOnly: boolean
  sysctls: Record<string, number>
  ulimits: Record<string, number>
  environment: Record<string, string>
  folder: string
  user: string
  /** Capabilities that it keeps; `all` is for RUN. */
  capabilities: string[] | 'all'
  command: string[]
}

export interface Container {
  name: string
  place: Place | undefined
  /** What it said so far, line by line. */
  lines: string[]
  /** Its first process, as this machine numbers it. */
  pid: number
  /** Resolves with its exit code. */
  ended: Promise<number>
  hasEnded(): boolean
  /** Runs a program in it, as its user, for at most that long (ms). */
  exec(words: string[], timeout: number): Promise<{ code: number; output: string }>
  kill(signal: NodeJS.Signals): void
}

/** Starts a container: namespaces of its own, its image as root, its user, and no capability but what it was given. */
export async function startContainer(recipe: Recipe): Promise<Container> {
  const inNetwork = recipe.place ? ['nsenter', `--net=/run/netns/${recipe.place.namespace}`] : []
  const [program, ...words] = [
    ...inNetwork,
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    'sh',
    '-c',
    script(recipe)
  ]
  const child = spawn(program as string, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  for (const output of [child.stdout, child.stderr])
    createInterface({ input: output }).on('line', (line) => lines.push(line))
  let code: number | undefined
  const ended = once(child, 'close').then(([status]) => {
    code = (status as number | null) ?? 137
    return code
  })
  const pid = await firstProcess(child, () => code !== undefined)
  return {
    name: recipe.name,
    place: recipe.place,
    lines,
    pid,
    ended,
    hasEnded: () => code !== undefined,
    exec: (command, timeout) => execIn(pid, { ...recipe, command: [...limited(timeout), ...command] }),
    kill(signal) {
      if (code === undefined && pid > 0) process.kill(pid, signal)
    }
  }
}

/** The letters by which a shell knows them. A machine whose own limit is lower keeps it. */
const LIMITS: Record<string, string> = { nofile: 'n', core: 'c' }

function script(recipe: Recipe): string {
  const { image, root, hasNode, mounts, tmpfs, readOnly, sysctls, ulimits } = recipe
  return [
    'set -e',
    `mount --bind ${image} ${root}`,
    ...systemMounts(root),
    ...(hasNode ? nodeMounts(root) : []),
    ...tmpfs.map((path) => `mount -t tmpfs -o mode=1777 tmpfs ${root}${path}`),
    ...mounts.flatMap(({ source, target, readOnly }) => [
      `mount --bind ${source} ${root}${target}`,
      ...(readOnly ? [`mount -o remount,bind,ro ${root}${target}`] : [])
    ]),
    ...(readOnly ? [`mount -o remount,bind,ro ${root}`] : []),
    ...Object.entries(sysctls).map(
      ([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll('.', '/')}`
    ),
    ...Object.entries(ulimits).map(([name, value]) => `ulimit -${LIMITS[name]} ${value} 2>/dev/null || true`),
    'cd /',
    `exec chroot ${root} ${asUser(recipe).map(quoted).join(' ')}`
  ].join('\n')
}

async function execIn(pid: number, recipe: Recipe): Promise<{ code: number; output: string }> {
  const enter = [`--target=${pid}`, '--mount', '--net', '--pid', '--root', '--wd']
  const child = spawn('nsenter', [...enter, ...asUser(recipe)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part
    })
  const [code] = await once(child, 'close')
  return { code: (code as number | null) ?? 137, output: output.trim() }
}

// From inside: who kills nsenter does not kill what it started.
function limited(timeout: number): string[] {
  return ['timeout', '--signal=KILL', String(timeout / 1000)]
}

/** The child that unshare made: number one in its own namespace. 0 when it is over already. */
async function firstProcess(child: ChildProcess, isOver: () => boolean): Promise<number> {
  while (!isOver()) {
    const [pid] = childrenOf(child.pid as number)
    if (pid !== undefined) return pid
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return 0
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
