import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import t from 'tap'
import type { Teardown } from './harness/build.ts'
import { newFolder } from './harness/folder.ts'
import { startServer } from './harness/program.ts'

const PAGE = new URL('../docs/try-it.md', import.meta.url)
const README = new URL('../README.md', import.meta.url)
const DEFAULT_URL = 'http://localhost:3000'
const EXAMPLE_LINK = `${DEFAULT_URL}/auth/setup#token=…`
const SEPARATOR = '=== next block ==='

t.test(
  'every block of the walk-through with curl runs as it stands, and shows what its text says',
  async (t) => {
    const blocks = shellBlocks(await readFile(PAGE, 'utf8'), '## Walk-through')
    t.ok(blocks.length > 0, 'docs/try-it.md has blocks')
    const service = await startService(t)
    const script = blocks
      .join(`\necho; echo '${SEPARATOR}'\n`)
      .replaceAll(EXAMPLE_LINK, service.setup)
      .replaceAll(DEFAULT_URL, service.url)
    const { code, output, complaints } = await runScript(t, script)

    t.equal(complaints, '', 'nothing on standard error')
    t.equal(code, 0)
    const replies = output.split(SEPARATOR).map((reply) => reply.trim())
    t.equal(replies.length, blocks.length)
    t.match(JSON.parse(replies[0] ?? ''), { user: { email: 'grace@example.com', roles: ['user'] } })
    t.match(output, /"code":"token_stale"/, 'a role change makes the access token stale')
    t.match(
      output,
      /"roles":\["admin","user"\]|"roles":\["user","admin"\]|"roles":\["admin"\]/,
      'the set-up link works'
    )
    t.equal(replies.at(-1)?.split('\n').at(-1), '401', 'the old cookies are worth nothing')
    t.notMatch(output, /eyJ/, 'no token in any body')
  }
)

t.test('the blocks with curl in README.md run as they stand', async (t) => {
  const blocks = shellBlocks(await readFile(README, 'utf8'), '## Try it with curl')
  t.ok(blocks.length > 0, 'README.md has blocks')
  const { url } = await startService(t)
  const script = blocks.join(`\necho; echo '${SEPARATOR}'\n`).replaceAll(DEFAULT_URL, url)
  const { code, output, complaints } = await runScript(t, script)

  t.strictSame([code, complaints], [0, ''])
  const [signedUp = ''] = output.split(SEPARATOR)
  t.match(JSON.parse(signedUp), { user: { email: 'ada@example.com', roles: ['user'] } })
})

/** The ```sh blocks between the heading and the next one of its level. */
function shellBlocks(markdown: string, heading: string): string[] {
  const [, after = ''] = markdown.split(`${heading}\n`)
  const [section = ''] = after.split(/^## /m)
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block)
}

/** The service as `npm start` runs it, on a database of its own. */
async function startService(t: Teardown): Promise<{ url: string; setup: string }> {
  const server = await startServer({ AUTH_DATA_DIR: await newFolder(t), LOG_LEVEL: 'warn' })
  t.teardown(() => server.stop('SIGINT'))
  const { setup = '' } = server.notice
  return { url: new URL(setup).origin, setup }
}

async function runScript(t: Teardown, script: string) {
  const folder = await newFolder(t)
  const env = { PATH: process.env.PATH, TMPDIR: folder }
  const bash = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const exited = once(bash, 'exit')
  const [output, complaints, [code]] = await Promise.all([text(bash.stdout), text(bash.stderr), exited])
  return { code, output, complaints }
}
