import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('..', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** Licences that ask for nothing but their own text beside the program. */
const ALLOWED = [
  'MIT',
  'MIT-0',
  'ISC',
  'BlueOak-1.0.0',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'CC0-1.0'
]

interface LockedPackage {
  license?: string
  integrity?: string
  hasInstallScript?: boolean
  dev?: boolean
  link?: boolean
}

/** Everything that an installation without development's dependencies has, by its folder. */
function productionPackages(lock: string): Array<[path: string, found: LockedPackage]> {
  const { packages } = JSON.parse(lock) as { packages: Record<string, LockedPackage> }
  return Object.entries(packages).filter(
    ([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link
  )
}

/** Packages whose licence is none of the allowed ones. Of an SPDX expression one side of OR will do, and each of AND must. */
function unlicensed(lock: string): string[] {
  const isAllowed = (expression: string) =>
    expression
      .replace(/[()]/g, '')
      .split(' OR ')
      .some((each) => each.split(' AND ').every((name) => ALLOWED.includes(name.trim())))
  return productionPackages(lock)
    .filter(([, { license }]) => !isAllowed(license ?? ''))
    .map(([path, { license }]) => `${path}: ${license ?? 'no licence'}`)
}

t.test('every production dependency has a licence that asks for no source', async (t) => {
  const lock = read('package-lock.json')
  t.ok(productionPackages(lock).length > 100)
  t.strictSame(unlicensed(lock), [])
})

t.test('a dependency under the GPL, or under nothing, is found', async (t) => {
  const licences = ['GPL-3.0-only', 'AGPL-3.0', 'MIT AND GPL-2.0', 'SSPL-1.0', 'UNLICENSED', '', undefined]
  for (const license of licences) {
    const packages = { '': {}, 'node_modules/ok': { license: 'MIT' }, 'node_modules/bad': { license } }
    t.strictSame(unlicensed(JSON.stringify({ packages })), [`node_modules/bad: ${license ?? 'no licence'}`])
  }
  const packages = {
    'node_modules/either': { license: '(GPL-2.0 OR MIT)' },
    'node_modules/tool': { license: 'GPL-3.0', dev: true }
  }
  t.strictSame(unlicensed(JSON.stringify({ packages })), [])
})

t.test(
  'every production dependency is locked by its hash, and none runs a script when it is installed',
  async (t) => {
    const locked = productionPackages(read('package-lock.json'))
    t.strictSame(
      locked.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? '')).map(([path]) => path),
      []
    )
    const { allowScripts } = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> }
    for (const [path] of locked.filter(([, { hasInstallScript }]) => hasInstallScript))
      t.equal(allowScripts[path.replace(/^.*node_modules\//, '')], false, path)
  }
)

/** Modules by which a program can do cryptography of its own. */
const CRYPTOGRAPHIC = ['node:crypto', 'crypto', 'jose', 'argon2', 'bcrypt', 'fast-jwt', '@fastify/jwt']

/** The modules of these that a source imports, other than for types; `global` for Web Cryptography without an import. */
function cryptographyIn(source: string): string[] {
  const imported = [...source.matchAll(/^import (?!type )[^'"]*?(?:from )?['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name as string
  )
  const found = CRYPTOGRAPHIC.filter((name) => imported.includes(name))
  return /\bcrypto\.(subtle|getRandomValues|randomUUID)\b/.test(source) ? [...found, 'global'] : found
}

function productionSources(): Array<[path: string, modules: string[]]> {
  const folders = ['domain', 'plugins', 'routes', 'schemas', 'store', 'commands', 'verifier', 'deploy']
  const files = folders.flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`
    )
  )
  return [...files, 'app.ts', 'server.ts', 'cli.ts', 'check-node.js']
    .filter((path) => /\.[jt]s$/.test(path) && !/node_modules|\/dist\//.test(path))
    .map((path): [string, string[]] => [path, cryptographyIn(read(path))])
    .filter(([, modules]) => modules.length > 0)
}

t.test(
  'cryptography is done in the files of the inventory in SECURITY.md alone, by the modules named there',
  async (t) => {
    const [, table = ''] = read('SECURITY.md').split('## Cryptographic inventory\n')
    const rows = [...table.matchAll(/^\| `([^`|]+\.[jt]s)` \| ([^|]+) \|/gm)].map(
      ([, path = '', modules = '']) => [path, [...modules.matchAll(/`([^`]+)`/g)].map(([, name]) => name)]
    )
    t.strictSame(Object.fromEntries(rows), Object.fromEntries(productionSources()))
  }
)

t.test('an import of cryptography is seen in each way that it can be written', async (t) => {
  t.strictSame(cryptographyIn("import { createHash } from 'node:crypto'"), ['node:crypto'])
  t.strictSame(cryptographyIn("import {\n  createHash,\n  type KeyObject\n} from 'node:crypto'\n"), [
    'node:crypto'
  ])
  t.strictSame(cryptographyIn("import argon2 from 'argon2'\nimport * as jose from 'jose'"), [
    'jose',
    'argon2'
  ])
  t.strictSame(cryptographyIn("import type { JWK } from 'jose'"), [])
  t.strictSame(cryptographyIn('const key = await crypto.subtle.generateKey()'), ['global'])
})
