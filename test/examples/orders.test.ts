import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { newFolder } from '../harness/folder.ts'
import { freePort } from '../harness/port.ts'
import { register } from '../oauth/machine.ts'
import { listen } from '../verifier/gatehouse.ts'
import { install, npmStart, packVerifier } from '../verifier/packed.ts'
import { call } from '../verifier/services.ts'
import { claimsOf, eventually } from '../verifier/tokens.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/orders', import.meta.url))

// As its README says, in a copy of the folder: packed, installed, started.
const folder = join(await newFolder(t), 'orders')
const isSource = (path: string) => !/node_modules|\.tgz$|package-lock/.test(path)
await cp(EXAMPLE, folder, { recursive: true, filter: isSource })
const { tarball } = await packVerifier(t, folder)
const missing = await install(folder, ['install'])

t.test('the README names the file that is packed, and package.json does, too', async (t) => {
  const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  t.equal(join(folder, dependencies['@gatehouse/verifier'].replace('file:', '')), tarball)
  t.match(
    await readFile(join(folder, 'README.md'), 'utf8'),
    'npm pack -w verifier --pack-destination examples/orders'
  )
})

t.test('the example service', { skip: missing }, async (t) => {
  const gatehouse = await listen(t)
  const port = String(await freePort())
  const origin = `http://localhost:${port}`
  await npmStart(t, folder, { PORT: port, GATEHOUSE_URL: gatehouse.issuer }, `${origin}/protected`)
  const grace = await gatehouse.signUp('grace@example.com')
  const token = () => grace.value('access')
  const subject = claimsOf(token()).sub
  const cookie = () => ({ cookie: `access=${token()}` })
  const bearer = () => ({ authorization: `Bearer ${token()}` })

  async function refused(t: Test, reply: Awaited<ReturnType<typeof call>>, status: number, code: string) {
    t.strictSame([reply.status, reply.body.code], [status, code])
    t.equal(reply.headers['content-type'], 'application/problem+json; charset=utf-8')
  }

  await t.test('says who is signed in, by cookie and by bearer token', async (t) => {
    for (const headers of [cookie(), bearer()]) {
      const { status, body } = await call(origin, '/protected', headers)
      t.strictSame([status, body], [200, { logged_in_as: subject }])
    }
    await refused(t, await call(origin, '/protected'), 401, 'unauthorized')
    await refused(t, await call(origin, '/protected', { authorization: 'Bearer x' }), 401, 'unauthorized')
  })

  await t.test('shows orders to whom the role gives the scope, once the token was refreshed', async (t) => {
    await refused(t, await call(origin, '/orders', cookie()), 403, 'forbidden')
    const root = await gatehouse.setUp()
    const scope = 'orders:read orders:write'
    const changed = await root.put('/admin/roles/user', { description: 'Everybody', scope })
    t.equal(changed.status, 200)
    await refused(t, await call(origin, '/orders', cookie()), 403, 'forbidden')
    t.equal((await grace.post('/auth/refresh')).status, 200)
    const { status, body } = await call(origin, '/orders', cookie())
    t.strictSame([status, body], [200, { items: [] }])
  })

  await t.test('takes an order from its own pages and from who shows a bearer token', async (t) => {
    const post = (headers: Record<string, string>, item: unknown) =>
      fetch(`${origin}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ item })
      })
    t.equal((await post(bearer(), 'tea')).status, 201)
    t.equal((await post({ ...cookie(), 'sec-fetch-site': 'same-origin' }, 'milk')).status, 201)
    const foreign = await post({ ...cookie(), 'sec-fetch-site': 'cross-site' }, 'poison')
    t.equal(foreign.status, 403)
    t.match(await foreign.json(), { code: 'cross_site_request' })
    t.equal((await post({}, 'nothing')).status, 401)
    t.equal((await post(bearer(), 'x'.repeat(101))).status, 400)
    const { items } = (await call(origin, '/orders', cookie())).body
    t.strictSame(
      items.map(({ item }: { item: string }) => item),
      ['tea', 'milk']
    )
  })

  await t.test(
    'given a machine client, it knows of a logout within a second, and of nothing without',
    async (t) => {
      const { id, secret } = await register(gatehouse, { name: 'orders', scope: ['revocations:read'] })
      const ownPort = String(await freePort())
      const following = `http://localhost:${ownPort}`
      const env = { PORT: ownPort, GATEHOUSE_URL: gatehouse.issuer, CLIENT_ID: id, CLIENT_SECRET: secret }
      await npmStart(t, folder, env, `${following}/protected`)
      const leaving = await gatehouse.signUp('leaving@example.com')
      const headers = { cookie: `access=${leaving.value('access')}` }
      const statusAt = async (service: string) => (await call(service, '/protected', headers)).status
      t.strictSame([await statusAt(following), await statusAt(origin)], [200, 200])

      t.equal((await leaving.clone().post('/auth/logout')).status, 204)
      const took = await eventually(async () => (await statusAt(following)) === 401)
      t.ok(took < 1000, `${Math.round(took)} ms`)
      t.equal(await statusAt(origin), 200, 'the one without a client believes it until it expires')
      t.equal((await call(following, '/protected', cookie())).status, 200, 'and nobody else is concerned')
    }
  )

  await t.test('goes on while Gatehouse is away', async (t) => {
    const held = cookie()
    await gatehouse.app.close()
    t.equal((await call(origin, '/orders', held)).status, 200)
  })
})
