import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { searchPath } from './shell.ts'
import type { StandIn } from './stand-ins.ts'

/** Of this machine, what stands in for the system in every image. /usr/local is the image's own. */
const SYSTEM = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/lib',
  '/usr/lib64',
  '/usr/libexec',
  '/usr/share',
  '/usr/etc',
  '/etc/ssl',
  '/etc/alternatives'
]
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom']

/** Makes of an empty folder, or of one that a Dockerfile filled, the root folder of an image. */
export function furnish(root: string, { users, folders, links }: StandIn): void {
  for (const path of [
    '/usr/local/bin',
    '/etc',
    '/proc',
    '/dev',
    '/tmp',
    '/run',
    '/var',
    '/root',
    ...systemFolders()
  ])
    mkdirSync(join(root, path), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) link(`usr/${name}`, join(root, name))
  link('/run', join(root, 'var/run'))
  for (const [name, program] of Object.entries(links))
    link(`/usr/bin/${program}`, join(root, 'usr/local/bin', name))
  const accounts = ['root:x:0:0::/root:/bin/bash', ...users, 'nobody:x:65534:65534::/:/bin/false']
  write(join(root, 'etc/passwd'), accounts)
  write(
    join(root, 'etc/group'),
    accounts.map((line) => line.split(':')).map(([name, , , gid]) => `${name}:x:${gid}:`)
  )
  write(join(root, 'etc/nsswitch.conf'), ['passwd: files', 'group: files', 'hosts: files dns'])
  write(join(root, 'etc/hosts'), ['127.0.0.1 localhost'])
  write(join(root, 'etc/resolv.conf'), [])
  copyFileSync('/etc/ld.so.cache', join(root, 'etc/ld.so.cache'))
  for (const [path, { owner, mode }] of Object.entries(folders)) {
    mkdirSync(join(root, path), { recursive: true })
    chmodSync(join(root, path), mode)
    chownSync(join(root, path), owner, owner)
  }
}

/** Shell lines that lay the system under a root folder, in a mount namespace of one's own. */
export function systemMounts(root: string): string[] {
  return [
    ...systemFolders().flatMap((path) => [
      `mount --bind ${path} ${root}${path}`,
      `mount -o remount,bind,ro ${root}${path}`
    ]),
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs -o mode=755 tmpfs ${root}/dev`,
    `mkdir -m 1777 ${root}/dev/shm`,
    `ln -s /proc/self/fd ${root}/dev/fd`,
    `mount -t tmpfs -o mode=1777 tmpfs ${root}/dev/shm`,
    ...DEVICES.flatMap((name) => [
      `touch ${root}/dev/${name}`,
      `mount --bind /dev/${name} ${root}/dev/${name}`
    ])
  ]
}

/** Shell lines that lay the programs of the image `node` under a root folder: this very Node, and the npm of this machine. */
export function nodeMounts(root: string): string[] {
  return [
    `mount --bind ${process.execPath} ${root}/usr/local/bin/node`,
    `mount --bind ${npmFolder()} ${root}/usr/local/lib/node_modules/npm`
  ]
}

/** Places for what `nodeMounts` lays there. */
export function furnishNode(root: string): void {
  mkdirSync(join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  write(join(root, 'usr/local/bin/node'), [])
  link('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
}

function npmFolder(): string {
  const npm = searchPath()
    .map((folder) => join(folder, 'npm'))
    .find((path) => existsSync(path))
  return resolve(realpathSync(npm as string), '../..')
}

function systemFolders(): string[] {
  return SYSTEM.filter((path) => existsSync(path))
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  if (!lstatSync(path, { throwIfNoEntry: false })) symlinkSync(target, path)
}

function write(path: string, lines: string[]): void {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
}
