import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run } from './harness/program.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')

/** Code against each rule of design, and what the rule says. */
const planted = [
  [
    'a session',
    'tx.sessions.insert(row)',
    'Only domain/sign-in/complete.ts opens a session.',
    'domain/sessions/open.ts'
  ],
  [
    'a revocation',
    'tx.revocations.add(entries)',
    'Only domain/revocations/revoke.ts writes revocations.',
    'domain/revocations/revoke.ts'
  ]
] as const

for (const [what, call, message, home] of planted) {
  t.test(`${what} has one place that writes it`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await cp(join(root, 'biome.json'), join(folder, 'biome.json'))
    await cp(join(root, 'lint'), join(folder, 'lint'), { recursive: true })
    const names = /\((\w+)\)/.exec(call)?.[1]
    const code = `export const write = (tx, ${names}) => ${call}\n`
    const lint = async (file: string) => {
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(folder, file), code)
      return run([biome, 'lint', file], { cwd: folder })
    }

    for (const elsewhere of ['domain/accounts/planted.js', 'plugins/planted.js', 'routes/auth/planted.js']) {
      const { code, stderr } = await lint(elsewhere)
      t.equal(code, 1, elsewhere)
      t.match(stderr, message)
    }
    const { code: atHome, stderr } = await lint(home)
    t.notMatch(stderr, message)
    t.equal(atHome, 0, home)
  })
}
