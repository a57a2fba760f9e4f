import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install } from './packed.ts'

const CACHE = fileURLToPath(new URL('../../.tap/nodes', import.meta.url))
const PACKAGE = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`

/** A Node.js to run, or the reason why it is not here. */
export interface NodeVersion {
  version: string
  path: string
  missing: string | false
}

/** Returns this version of Node.js, which npm downloads once into `.tap/nodes` if it is not the running one. */
export async function nodeOf(version: string): Promise<NodeVersion> {
  if (version === process.versions.node) return { version, path: process.execPath, missing: false }
  const folder = join(CACHE, version)
  const path = join(folder, 'node_modules', PACKAGE, 'bin/node')
  const isThere = await access(path).then(
    () => true,
    () => false
  )
  return { version, path, missing: !isThere && (await download(folder, version)) }
}

async function download(folder: string, version: string): Promise<string | false> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }))
  return install(folder, ['install', '--ignore-scripts', `${PACKAGE}@${version}`])
}
