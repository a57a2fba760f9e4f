import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync
} from 'node:fs'
import { basename, join } from 'node:path'
import { readIgnore } from './ignore.ts'

/** Where a COPY takes from: the folder of the project, without what .dockerignore keeps out, or another stage. */
export interface Source {
  folder: string
  ignores(path: string): boolean
}

export function contextOf(folder: string): Source {
  return { folder, ignores: readIgnore(readFileSync(join(folder, '.dockerignore'), 'utf8')) }
}

/** COPY as Docker does it: folders give their contents; a target that ends with a slash is a folder. */
export function copy(source: Source, sources: string[], targetFolder: string, target: string): void {
  for (const path of sources) {
    const relative = path.replace(/^\//, '').replace(/\/$/, '')
    const from = join(source.folder, relative)
    if (!existsSync(from) || !holdsAnything(source, relative))
      throw new Error(`COPY ${path}: there is no such file, or .dockerignore keeps it out`)
    const to = join(targetFolder, target)
    if (statSync(from).isDirectory()) copyTree(source, relative, to)
    else copyTree(source, relative, target.endsWith('/') ? join(to, basename(relative)) : to)
  }
}

function holdsAnything(source: Source, path: string): boolean {
  if (!lstatSync(join(source.folder, path)).isDirectory()) return !source.ignores(path)
  return readdirSync(join(source.folder, path)).some((name) => holdsAnything(source, join(path, name)))
}

function copyTree(source: Source, path: string, to: string): void {
  const from = join(source.folder, path)
  const kind = lstatSync(from)
  if (kind.isDirectory()) {
    for (const name of readdirSync(from)) copyTree(source, join(path, name), join(to, name))
    return
  }
  if (source.ignores(path)) return
  mkdirSync(join(to, '..'), { recursive: true })
  if (kind.isSymbolicLink()) symlinkSync(readlinkSync(from), to)
  else {
    copyFileSync(from, to)
    chmodSync(to, kind.mode)
  }
}
