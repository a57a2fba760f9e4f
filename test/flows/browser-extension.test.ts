import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { build, password, type Teardown } from '../harness/build.ts'
import { chromium } from '../harness/chromium.ts'
import { newFolder } from '../harness/folder.ts'

/** What a page of the extension saw: the status of each call, or `blocked`. */
type Seen = Record<string, number | 'blocked'>

t.test('a page of a Chromium extension', { skip: chromium.missing }, async (t) => {
  const allowed = await makeExtension(t, ['http://localhost/*'])
  const unpermitted = await makeExtension(t, [])
  const gatehouse = await build(t, {
    env: { AUTH_ALLOWED_ORIGINS: [allowed, unpermitted].map(({ origin }) => origin).join(',') }
  })
  await gatehouse.signUp()
  await gatehouse.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = gatehouse.app.server.address() as AddressInfo

  async function signInFrom({ folder, origin }: Extension): Promise<Seen> {
    const profile = await chromium.launchWithExtension(t, folder)
    const page = await profile.newPage()
    await page.goto(`${origin}/page.html`)
    return page.evaluate(
      async ({ base, secret }) => {
        const call = async (path: string, body?: object) => {
          const options = { method: body ? 'POST' : 'GET', credentials: 'include' as const }
          const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
          return fetch(`${base}${path}`, body ? { ...options, ...json } : options).then(
            ({ status }) => status,
            () => 'blocked' as const
          )
        }
        return {
          login: await call('/auth/login', { email: 'ada@example.com', password: secret }),
          me: await call('/auth/me')
        }
      },
      { base: `http://localhost:${port}`, secret: password }
    )
  }

  t.test('with a permission for the host of Gatehouse stays signed in', async (t) => {
    t.strictSame(await signInFrom(allowed), { login: 200, me: 200 })
  })

  t.test('without it signs in, and its browser sends no cookie afterwards', async (t) => {
    t.strictSame(await signInFrom(unpermitted), { login: 200, me: 401 })
  })
})

interface Extension {
  folder: string
  origin: string
}

async function makeExtension(t: Teardown, permissions: string[]): Promise<Extension> {
  const folder = await newFolder(t)
  const manifest = { manifest_version: 3, name: 'test', version: '1', host_permissions: permissions }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'page.html'), '<!doctype html><title>Extension</title>')
  return { folder, origin: `chrome-extension://${idOf(folder)}` }
}

/** The id of an unpacked extension: the SHA-256 of its path, each hexadecimal digit as a letter from a to p. */
function idOf(folder: string): string {
  const digits = createHash('sha256').update(folder).digest('hex').slice(0, 32)
  return digits.replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)))
}
