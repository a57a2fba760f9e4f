import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { MINUTE } from '../../domain/clock.ts'
import { doctored, installNothing, newFolder, PROJECT } from '../harness/rehearsal/doctored.ts'
import { buildImage } from '../harness/rehearsal/image.ts'

t.test('the Dockerfile', async (t) => {
  t.test(
    'copies everything that the copied programs import, and nothing that .dockerignore does not name',
    async (t) => {
      const { root } = await buildImage(PROJECT, newFolder(t), installNothing)
      const app = join(root, 'app')
      const files = readdirSync(app, { recursive: true, encoding: 'utf8' })
      const missing = files
        .filter((file) => /\.[jt]s$/.test(file))
        .flatMap((file) => importsOf(join(app, file)))
        .filter((path) => !files.includes(path.slice(app.length + 1)))
      t.strictSame(missing, [])
      t.ok(files.includes('server.ts'))
      t.notOk(files.some((file) => /(^|\/)(test|bench|data|\.env|dist)(\/|$)|\.md$/.test(file)))
    }
  )

  t.test('runs as node, by a list that signals reach, and is asked by /readyz', async (t) => {
    const image = await buildImage(PROJECT, newFolder(t), installNothing)
    t.equal(image.user, 'node')
    t.strictSame(image.command, ['node', 'server.ts'])
    t.equal(image.stopSignal, 'SIGTERM')
    t.strictSame(image.healthCheck?.test, ['CMD', 'node', 'deploy/compose/health.js'])
    t.equal(image.healthCheck?.startPeriod, 10 * MINUTE, 'a long migration is no failure')
    t.match(image.base, /^node:24\.\d+\.\d+-[a-z]+-slim$/)
  })

  const refusals: Array<[title: string, text: string, replacement: string, reason: RegExp]> = [
    [
      'with an instruction that the rehearsal does not know',
      'EXPOSE 3000',
      'VOLUME /data',
      /does not know VOLUME/
    ],
    [
      'with a file that is not there',
      'COPY verifier verifier/',
      'COPY verifyer verifyer/',
      /COPY verifyer: there is no such/
    ],
    [
      'with a file that .dockerignore keeps out',
      'COPY verifier verifier/',
      'COPY docker-compose.yml ./',
      /keeps it out/
    ],
    [
      'with a shell before the program',
      'CMD ["node", "server.ts"]',
      'CMD node server.ts',
      /CMD that is not a list/
    ]
  ]
  for (const [title, text, replacement, reason] of refusals) {
    t.test(`is refused ${title}`, async (t) => {
      const folder = doctored(t, 'Dockerfile', text, replacement)
      await t.rejects(buildImage(folder, newFolder(t), installNothing), { message: reason })
    })
  }
})

/** The files that a program imports by a relative path. */
function importsOf(path: string): string[] {
  const imports = readFileSync(path, 'utf8').matchAll(/(?:from|import)\s+'(\.[^']+)'/g)
  return [...imports].map(([, target]) => resolve(dirname(path), target as string))
}
