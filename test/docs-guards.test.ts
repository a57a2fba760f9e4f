import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { EARLY_SKEW, LATE_SKEW } from '../verifier/claims.ts'
import { refusals } from '../verifier/refusal.ts'
import { ALGORITHMS } from '../verifier/sources.ts'
import { newFolder } from './harness/folder.ts'
import { guardedServices } from './harness/guards.ts'
import { run, start } from './harness/program.ts'

const FOLDER = 'docs/guards'
const LONGEST_FILE = 60
const [flask] = guardedServices
const read = (file: string) => readFile(join(FOLDER, file), 'utf8')

t.test('no file of a guard has more lines than the page says', async (t) => {
  t.match(await read('README.md'), `No file has more than ${LONGEST_FILE} lines.`)
  const files = globSync('{python,go}/**/*.{py,go}', { cwd: FOLDER })
  t.ok(files.length > 10)
  for (const file of files) t.ok((await read(file)).trimEnd().split('\n').length <= LONGEST_FILE, file)
})

t.test('the page names the algorithms, the leeway and the refusals of the verifier', async (t) => {
  const page = await read('README.md')
  t.match(page, `| algorithms | ${ALGORITHMS.map((name) => `\`${name}\``).join(', ')};`)
  t.match(page, `\`exp\` may be ${LATE_SKEW} s ago, \`iat\` and \`nbf\` may be ${EARLY_SKEW} s ahead`)
  const rows = [...page.matchAll(/^\| (\d{3}) \| `([a-z_]+)` \|/gm)].map(([, status, code]) => [
    code,
    Number(status)
  ])
  const { reauthentication_required: _, ...others } = refusals
  t.strictSame(
    Object.fromEntries(rows),
    Object.fromEntries(Object.entries(others).map(([code, { status }]) => [code, status]))
  )
})

t.test('flask.md shows the app as it is', async (t) => {
  const app = await read('python/flask_app.py')
  t.ok((await read('flask.md')).includes(`\`\`\`python\n${app}\`\`\``))
})

t.test('the walk through flask.md runs as it stands', { skip: flask.missing }, async (t) => {
  const env = { AUTH_DATA_DIR: await newFolder(t), LOG_LEVEL: 'warn' }
  const { notice } = await start(t, env)
  const { origin: issuer, port } = new URL(notice.setup ?? '')
  const words = ['clients', 'create', '--name', 'flask', '--scope', 'revocations:read', '--json']
  const { stdout } = await run(['cli.ts', ...words], { env: { ...env, PORT: port } })
  const { client_id: CLIENT_ID, client_secret: CLIENT_SECRET } = JSON.parse(stdout)
  const { origin } = await flask.start(t, { CLIENT_ID, CLIENT_SECRET, GATEHOUSE_ISSUER: issuer })

  const [, after = ''] = (await read('flask.md')).split('## Try it\n')
  const [, block = ''] = /^```sh\n(.*?)^```$/ms.exec(after) ?? []
  const script = block
    .replaceAll('http://localhost:3000', issuer)
    .replaceAll('http://localhost:4000', origin.replace('127.0.0.1', 'localhost'))
  const bash = spawn('bash', ['-euo', 'pipefail', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(bash, 'exit')
  const output = await text(bash.stdout)
  t.strictSame((await exited)[0], 0)
  const [signedUp, ...replies] = output.split(/(?<=\})\s*(?=\{)/).map((reply) => JSON.parse(reply))
  const { id } = signedUp.user
  t.match(replies, [
    { logged_in_as: id },
    { code: 'forbidden', status: 403 },
    { user: { id } },
    { logged_in_as: id }
  ])
})
