import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run } from './harness/program.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
/** What `npm run lint` passes to dependency-cruiser. */
const args = (/depcruise ([^&]+)/.exec(scripts.lint)?.[1] ?? '').trim().split(' ')

/** One line against each rule of design: the file that it stands in, and what it says. */
const planted: Record<string, [file: string, line: string]> = {
  'no-circular': ['schemas/planted-circle.ts', "export * from './planted-circle-back.ts'"],
  'nothing-imports-the-entries': ['routes/planted-entry.ts', "import '../server.ts'"],
  'schemas-import-nothing': ['schemas/planted-domain.ts', "export * from '../domain/clock.ts'"],
  'verifier-knows-nothing-of-the-house': ['verifier/planted-domain.ts', "export * from '../domain/clock.ts'"],
  'verifier-with-its-own-dependencies': ['verifier/planted-uuid.ts', "export { v7 } from 'uuid'"],
  'domain-knows-schemas-alone': [
    'domain/planted-store.ts',
    "export type { Tables } from '../store/tables.ts'"
  ],
  'store-knows-the-domain-alone': ['store/planted-plugin.ts', "export * from '../plugins/config.ts'"],
  'plugins-know-what-is-below': ['plugins/planted-route.ts', "export * from '../routes/index.ts'"],
  'routes-know-no-store': ['routes/auth/planted-store.ts', "export * from '../../store/index.ts'"],
  'commands-use-the-core': ['commands/planted-plugin.ts', "export * from '../plugins/store.ts'"],
  'store-is-opened-by-its-plugin': ['plugins/planted-store.ts', "export * from '../store/index.ts'"],
  'one-door-into-a-session': [
    'domain/accounts/planted-door.ts',
    "export { openSession } from '../sessions/open.ts'"
  ],
  'domain-without-fastify-or-sql': [
    'domain/planted-fastify.ts',
    "export type { FastifyInstance } from 'fastify'"
  ],
  'sql-in-the-store-alone': ['routes/planted-sql.ts', "export { sql } from 'kysely'"],
  'production-without-tests-or-dev-dependencies': [
    'plugins/planted-test.ts',
    "export * from '../test/harness/clock.ts'"
  ]
}

t.test('imports run one way', async (t) => {
  t.ok(args.includes('.dependency-cruiser.js'), 'lint holds it')
  const { code, stdout } = await run([cruiser, ...args], { cwd: root })
  t.equal(code, 0, stdout)
  t.match(stdout, /no dependency violations found \(\d{3,} modules/)
})

t.test('an import against each rule is found', async (t) => {
  const copy = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(copy, { recursive: true, force: true }))
  await copySources(copy)
  for (const [file, line] of Object.values(planted)) await writeFile(join(copy, file), `${line}\n`)
  await writeFile(join(copy, 'schemas/planted-circle-back.ts'), "export * from './planted-circle.ts'\n")

  const { code, stdout } = await run([cruiser, ...args, '--output-type', 'err'], { cwd: copy })
  t.not(code, 0)
  const violations = [...stdout.matchAll(/error ([a-z-]+): (\S+) →/g)].map(([, rule, file]) => ({
    rule,
    file
  }))
  for (const [rule, [file]] of Object.entries(planted)) {
    const prefix = file.replace('.ts', '')
    t.ok(
      violations.some((violation) => violation.rule === rule && violation.file?.startsWith(prefix)),
      `${rule} in ${file}`
    )
  }
  t.ok(
    violations.every(({ file }) => file?.includes('planted')),
    'and nothing else'
  )
})

t.test('every rule has its planted import', async (t) => {
  const { default: config } = await import(join(root, '.dependency-cruiser.js'))
  const names = config.forbidden.map(({ name }: { name: string }) => name)
  t.strictSame(Object.keys(planted).sort(), names.sort())
})

async function copySources(copy: string): Promise<void> {
  const files = ['.dependency-cruiser.js', 'package.json', 'tsconfig.json', 'check-node.js', 'test/harness']
  const sources = args.filter((arg) => !arg.startsWith('-') && arg !== '.dependency-cruiser.js')
  for (const file of [...files, ...sources.filter((source) => source !== '.')]) {
    await cp(join(root, file), join(copy, file), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
}
