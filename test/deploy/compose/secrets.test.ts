import { readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../../harness/program.ts'
import { newFolder } from '../../harness/rehearsal/doctored.ts'

t.test('the secrets of a first boot', async (t) => {
  const FILES = [
    'database/password',
    'database/superuser-password',
    'valkey/password',
    'valkey/valkey.conf',
    'gatehouse/database-url',
    'gatehouse/redis-url'
  ]

  async function newVolumes(t: Test): Promise<string> {
    const folder = newFolder(t)
    for (const name of ['database', 'valkey', 'gatehouse', 'caddy']) await mkdir(join(folder, name))
    return folder
  }
  const makeSecrets = (folder: string) => run(['deploy/compose/secrets.ts', folder])
  const readAll = (folder: string) => Promise.all(FILES.map((name) => readFile(join(folder, name), 'utf8')))

  t.test('are made once, are random, and stay what they are', async (t) => {
    const [folder, other] = [await newVolumes(t), await newVolumes(t)]
    t.match(await makeSecrets(folder), { code: 0, stdout: '', stderr: '' })
    const first = await readAll(folder)
    t.match(first[0], /^[\w-]{44}\n$/)
    await makeSecrets(folder)
    t.strictSame(await readAll(folder), first)
    await makeSecrets(other)
    t.strictNotSame(await readAll(other), first)
  })

  t.test('are completed after a boot that was cut off in the middle', async (t) => {
    const folder = await newVolumes(t)
    await makeSecrets(folder)
    const first = await readAll(folder)
    for (const name of ['valkey/valkey.conf', 'gatehouse/database-url']) rmSync(join(folder, name))
    await writeFile(join(folder, 'gatehouse/database-url.draft'), 'postg')
    t.match(await makeSecrets(folder), { code: 0 })
    t.strictSame(await readAll(folder), first)
    t.strictSame(readdirSync(join(folder, 'gatehouse')).sort(), ['database-url', 'redis-url'])
  })

  t.test(
    'may be somebody’s own: random hexadecimal digits, whichever of the sixteen there are',
    async (t) => {
      const folder = await newVolumes(t)
      await writeFile(join(folder, 'database/password'), '0d1e8a7c4b92f5d0e1a8c7b4925fd08e\n')
      t.match(await makeSecrets(folder), { code: 0, stderr: '' })
      t.match((await readAll(folder))[4], ':0d1e8a7c4b92f5d0e1a8c7b4925fd08e@')
    }
  )

  t.test(
    'leave Caddy a folder of its own, whatever root had put there before',
    { skip: process.getuid?.() !== 0 && 'only root gives files away' },
    async (t) => {
      const folder = await newVolumes(t)
      await mkdir(join(folder, 'caddy/caddy/pki/authorities'), { recursive: true, mode: 0o700 })
      await writeFile(join(folder, 'caddy/caddy/pki/authorities/root.key'), 'x', { mode: 0o600 })
      for (const boot of ['first', 'second']) {
        t.match(await makeSecrets(folder), { code: 0, stderr: '' }, boot)
        for (const path of ['caddy', 'caddy/pki', 'caddy/pki/authorities', 'caddy/pki/authorities/root.key'])
          t.equal(statSync(join(folder, 'caddy', path)).uid, 1001, path)
        t.equal(statSync(join(folder, 'caddy')).uid, 0)
      }
    }
  )

  const refusals: Array<[title: string, file: string, content: string, reason: RegExp]> = [
    ['empty', 'database/password', '\n', /^\S+database\/password is empty: .*\n$/],
    ['short', 'valkey/password', 'x7Jq_2\n', /^\S+valkey\/password is shorter than 32 characters: .*\n$/],
    [
      'well known',
      'database/password',
      'postgres\n',
      /^\S+database\/password is a well-known password: .*\n$/
    ],
    ['well known', 'valkey/password', 'ChangeMe\n', /^\S+valkey\/password is a well-known password: .*\n$/],
    [
      'no random one',
      'database/password',
      'ab'.repeat(20),
      /^\S+database\/password is not random base64url: .*\n$/
    ],
    [
      'of another password',
      'gatehouse/redis-url',
      'redis://valkey:6379',
      /^\S+redis-url does not fit the password.*\n$/
    ]
  ]
  for (const [title, file, content, reason] of refusals) {
    t.test(`are refused in one line where one is ${title}`, async (t) => {
      const folder = await newVolumes(t)
      await writeFile(join(folder, file), content)
      t.match(await makeSecrets(folder), { code: 78, stderr: reason })
      t.equal(await readFile(join(folder, file), 'utf8'), content, 'and nothing is overwritten')
    })
  }
})
