import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { SECOND } from '../../domain/clock.ts'
import { loadSettings } from '../../domain/settings/settings.ts'
import { answers } from '../harness/answers.ts'
import type { Teardown } from '../harness/build.ts'
import { newFolder } from '../harness/folder.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
/** Where the unit expects the project. */
const INSTALLED = '/opt/gatehouse'
/** Ten times the figure that `systemd-analyze security` prints: below 20 is its best grade. */
const EXPOSURE = 15

const missing = answers('systemd-analyze') ? (false as const) : 'systemd is not installed'
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8')

/** The values of each key of a unit, in order. */
function unitOf(path: string): Record<string, string[]> {
  const lines = Array.from(read(path).matchAll(/^(\w+)=(.*)$/gm), ([, key = '', value = '']) => ({
    key,
    value
  }))
  const byKey = Object.entries(Object.groupBy(lines, ({ key }) => key))
  return Object.fromEntries(byKey.map(([key, those = []]) => [key, those.map(({ value }) => value)]))
}

/** Copies the units, for an installation in the project's own folder. Resolves to the copy of the service. */
async function copyUnits(t: Teardown): Promise<string> {
  const folder = await newFolder(t)
  await cp(join(PROJECT, 'deploy/systemd'), folder, { recursive: true })
  const service = join(folder, 'gatehouse.service')
  await writeFile(service, (await readFile(service, 'utf8')).replaceAll(`${INSTALLED}/`, PROJECT))
  return service
}

t.test('systemd', { skip: missing }, async (t) => {
  const service = await copyUnits(t)
  const analyze = (...words: string[]) => promisify(execFile)('systemd-analyze', [...words, service])

  t.test('understands every line of the unit and of its drop-in for PostgreSQL', async (t) => {
    const { stderr } = await analyze('verify')
    // It also complains about units of this machine.
    t.strictSame(
      stderr.split('\n').filter((line) => line.includes('gatehouse')),
      []
    )
  })

  t.test('finds no more exposure than Node needs', async () => {
    await analyze('security', '--offline=true', `--threshold=${EXPOSURE}`, '--no-pager')
  })
})

t.test('the unit for systemd', async (t) => {
  const unit = unitOf('deploy/systemd/gatehouse.service')
  const operations = read('docs/operations.md')
  const constantOf = (name: string) =>
    Number(new RegExp(`^const ${name} = (\\d+)$`, 'm').exec(read('server.ts'))?.[1])

  t.test('starts a program that an installation has', async (t) => {
    const [node = '', script = ''] = unit.ExecStart?.[0]?.split(' ') ?? []
    t.equal(unit.WorkingDirectory?.[0], INSTALLED)
    t.ok(existsSync(node.replace(`${INSTALLED}/`, PROJECT)), node)
    t.ok(existsSync(join(PROJECT, script)), script)
  })

  t.test(
    'gives the service longer to end than it needs, and does not repeat a start with wrong settings',
    async (t) => {
      t.ok(Number(unit.TimeoutStopSec) > constantOf('GRACE') / SECOND)
      t.equal(Number(unit.RestartPreventExitStatus), constantOf('EX_CONFIG'))
    }
  )

  t.test('uses the user, the settings and the folder of docs/operations.md', async (t) => {
    t.match(operations, `AUTH_DATA_DIR=/var/lib/${unit.StateDirectory}`)
    t.match(operations, new RegExp(`useradd .* ${unit.User}$`, 'm'))
    t.match(operations, `\`${unit.EnvironmentFile}\``)
    t.match(operations, `\`${INSTALLED}\``)
  })

  t.test('gets the secrets of the drop-in as credentials that the service reads', async (t) => {
    const dropIn = unitOf('deploy/systemd/gatehouse.service.d/postgresql.conf')
    const sources = new Map(dropIn.LoadCredential?.map((line) => line.split(':') as [string, string]))
    const env = Object.fromEntries(dropIn.Environment?.map((line) => line.split('=')) ?? [])
    const asked: string[] = []
    loadSettings(env, (path) => {
      asked.push(path)
      return path.endsWith('url')
        ? 'postgres://gatehouse@localhost/gatehouse'
        : 'q0Hn3xB7wJcV5tKz9rLmYf2sGdPa8UeXoTi4NvRb6Zs'
    })
    t.strictSame(
      asked,
      [...sources.keys()].map((id) => `%d/${id}`)
    )
    for (const source of sources.values()) t.match(operations, source)
  })
})
