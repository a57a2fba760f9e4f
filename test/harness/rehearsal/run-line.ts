import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startContainer } from './container.ts'
import type { Image } from './image.ts'
import { furnish, furnishNode } from './root-folder.ts'
import { sh } from './shell.ts'
import { type StandIn, standIns } from './stand-ins.ts'

/** How this machine reaches the registry, and what it has fetched from it before, is handed to npm in the image. */
const CACHE = '/root/.npm'

/** Runs a RUN line in a stage of the image `node`; rejects with what it said where it fails. */
export async function runInImage(image: Image, command: string, folder: string): Promise<void> {
  const standIn = standIns[image.base.replace(/:.*/, '')]
  if (!standIn) throw new Error(`nothing here stands in for the image ${image.base}`)
  furnish(image.root, standIn as StandIn)
  furnishNode(image.root)
  mkdirSync(join(image.root, CACHE), { recursive: true })
  const root = join(folder, 'containers', 'build')
  mkdirSync(root, { recursive: true })
  const container = await startContainer({
    name: `RUN ${command}`,
    image: image.root,
    root,
    hasNode: true,
    place: undefined,
    mounts: [
      { source: '/etc/resolv.conf', target: '/etc/resolv.conf', readOnly: true },
      { source: '/etc/hosts', target: '/etc/hosts', readOnly: true },
      { source: await npmConfig('cache'), target: CACHE, readOnly: false }
    ],
    tmpfs: ['/tmp'],
    readOnly: false,
    sysctls: {},
    ulimits: {},
    environment: { ...image.environment, ...(await registryEnvironment()) },
    folder: image.folder,
    user: image.user,
    capabilities: 'all',
    command: ['/bin/sh', '-c', command]
  })
  const code = await container.ended
  if (code !== 0)
    throw new Error(`RUN ${command} ended with ${code}: ${container.lines.slice(-20).join('\n')}`)
}

async function registryEnvironment(): Promise<Record<string, string>> {
  const inherited = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS)$/i.test(name)
  )
  const names = ['registry', 'cafile']
  const values = await Promise.all(names.map(npmConfig))
  const known = names
    .map((name, index) => [`npm_config_${name}`, values[index]])
    .filter(([, value]) => value !== 'null')
  return Object.fromEntries([...inherited, ...known, ['npm_config_prefer_offline', 'true']])
}

async function npmConfig(name: string): Promise<string> {
  return (await sh('npm', ['config', 'get', name])).trim()
}
