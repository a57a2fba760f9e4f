import { readFile } from 'node:fs/promises'
import t from 'tap'
import { commands } from '../commands/index.ts'
import { problems } from '../domain/errors.ts'
import { auditTypes } from '../domain/model/audit.ts'
import { annotationsOf } from '../domain/settings/settings.ts'
import { type SettingName, Settings } from '../schemas/settings.ts'
import { build } from './harness/build.ts'

const read = (name: string) => readFile(new URL(`../${name}`, import.meta.url), 'utf8')

/** The rows of the table below a line, each as its cells. */
function tableAfter(text: string, header: string): string[][] {
  const [, after] = text.split(`${header}\n`)
  if (after === undefined) throw new Error(`there is no table ${header}`)
  const lines = after.split('\n').slice(1)
  const rows = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('|'))
  )
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

t.test(
  'the settings of docs/operations.md are the schema’s, with its defaults and descriptions',
  async (t) => {
    const expected = Object.keys(Settings.properties).map((name) => {
      const { default: value, description } = annotationsOf(name as SettingName)
      return [`\`${name}\``, value === '' ? '' : `\`${value}\``, description]
    })
    t.strictSame(tableAfter(await read('docs/operations.md'), '| setting | default | means |'), expected)
  }
)

t.test('docs/api.md lists every endpoint, and begins with its summary', async (t) => {
  const { app } = await build(t)
  const { paths = {} } = app.swagger()
  const summaries = new Map<string, string>(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries((operations ?? {}) as Record<string, { summary: string }>).map(
        ([method, { summary }]) => [`\`${method.toUpperCase()} ${path}\``, summary] as const
      )
    )
  )
  const documented = tableAfter(await read('docs/api.md'), '| endpoint | does |')
  t.strictSame(documented.map(([endpoint]) => endpoint).sort(), [...summaries.keys()].sort())
  for (const [endpoint = '', does = ''] of documented) {
    const sentence = does.charAt(0).toUpperCase() + does.slice(1)
    t.ok(sentence.startsWith(summaries.get(endpoint) ?? '-'), `${endpoint}: ${sentence}`)
  }
})

t.test('docs/commands.md lists every command', async (t) => {
  const documented = tableAfter(await read('docs/commands.md'), '| command | does |').map(
    ([command]) => command ?? ''
  )
  for (const { name } of commands) {
    t.equal(documented.filter((row) => row.startsWith(`\`./gatehouse ${name}`)).length, 1, name)
  }
  t.equal(documented.length, commands.length)
})

t.test('docs/errors.md is the registry', async (t) => {
  const expected = Object.entries(problems).map(([code, { status, title }]) => [
    `\`${code}\``,
    String(status),
    title
  ])
  t.strictSame(tableAfter(await read('docs/errors.md'), '| code | status | title |'), expected)
})

t.test('docs/audit.md names every event', async (t) => {
  const documented = tableAfter(await read('docs/audit.md'), '| type | when |').map(([type]) => type)
  t.strictSame(
    documented,
    auditTypes.map((type) => `\`${type}\``)
  )
})
