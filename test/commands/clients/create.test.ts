import t from 'tap'
import type { OptionValues } from '../../../commands/command.ts'
import { TOKEN_EXCHANGE } from '../../../domain/oauth/token-exchange.ts'
import { build } from '../../harness/build.ts'
import { gatehouse, gatehouseJson, perform } from '../../harness/command.ts'
import { engines } from '../../harness/engines.ts'

const EX_USAGE = 64

interface CreatedClient {
  client_id: string
  client_secret: string
  audiences: string[]
  grants: string[]
}

for (const engine of engines) {
  t.test(`beside a running service on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const { env } = service

    /** The status of a token request at the service that runs, and what it answered. */
    async function askToken(id: string, secret: string) {
      const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
      return service.browser({}).post('/oauth/token', new URLSearchParams(form).toString(), {
        'content-type': 'application/x-www-form-urlencoded'
      })
    }

    const create = async (values: OptionValues) =>
      (await perform(env, 'clients create', values)).json as CreatedClient

    t.test(
      'clients create prints the id and the secret, by which the service gives tokens at once',
      async (t) => {
        const scope = 'users:read orders:read users:read'
        const { code, stdout, stderr } = await gatehouse(
          ['clients', 'create', '--name', 'Nightly reports', '--scope', scope],
          env
        )
        t.equal(code, 0)
        t.equal(stderr, '')
        const [, id = '', secret = ''] =
          /^client_id: (\S+)\nclient_secret: (ghs_[\w-]{43})\n$/.exec(stdout) ?? []
        const answer = await askToken(id, secret)
        t.match(answer, { status: 200, body: { scope: 'orders:read users:read' } })
        const machine = service.browser({ authorization: `Bearer ${answer.body.access_token}` })
        t.equal((await machine.get('/admin/users')).status, 200)
        const client = await service.app.store.clients.find(id)
        t.match(client, { name: 'Nightly reports', audiences: [], disabled: false, version: 1, jwks: [] })
        t.equal(client?.secrets.length, 1)
        t.notOk(JSON.stringify(client).includes(secret), 'the secret itself is kept nowhere')
      }
    )

    t.test('clients create --json says all of it, for the audience that was given', async (t) => {
      const audience = 'https://orders.example.com'
      const made = await create({ name: 'orders', scope: 'b:c a:b', audience: [audience] })
      const { client_id: id, client_secret: secret, ...rest } = made
      const grants = ['client_credentials']
      t.strictSame(rest, { name: 'orders', scope: 'a:b b:c', audiences: [audience], grants })
      const { body } = await askToken(id, secret)
      const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
      t.match(claims, { aud: audience, sub: id, client_id: id, scope: 'a:b b:c' })
      const plain = await create({ name: 'plain', scope: 'a:b' })
      t.strictSame(plain.audiences, ['http://localhost:3000'], 'its own one, if none was given')
    })

    t.test('clients create takes several audiences, and other options once', async (t) => {
      const audiences = ['https://orders.example.com', 'https://stock.example.com']
      const words = ['clients', 'create', '--name', 'both', '--scope', 'a:b']
      const made = await gatehouseJson([...words, ...audiences.flatMap((each) => ['--audience', each])], env)
      t.strictSame(made.audiences, audiences)
      const twice = await gatehouse([...words, '--name', 'again'], env)
      t.match(twice, { code: EX_USAGE, stderr: /^--name is given twice\n/ })
    })

    t.test('clients create gives the grants that are named, and else client_credentials alone', async (t) => {
      const grantsOf = async (grant: string) => (await create({ name: 'x', scope: 'a:b', grant })).grants
      t.strictSame(await grantsOf('token-exchange'), [TOKEN_EXCHANGE])
      const both = ['client_credentials', TOKEN_EXCHANGE]
      t.strictSame(await grantsOf(both.join(' ')), both)
    })

    t.test('clients create makes another client each time, though the name is taken', async (t) => {
      const twins = [
        await create({ name: 'twin', scope: 'a:b' }),
        await create({ name: 'twin', scope: 'a:b' })
      ]
      t.equal(new Set(twins.map(({ client_id: id }) => id)).size, 2)
      t.equal(new Set(twins.map(({ client_secret: secret }) => secret)).size, 2)
    })

    t.test('clients create writes no secret into the audit trail', async (t) => {
      const { client_id: clientId, client_secret: secret } = await create({ name: 'traced', scope: 'a:b' })
      const [event] = await service.app.store.audit.list({ limit: 1, type: 'client.created' })
      t.match(event, { actorId: 'operator', detail: { clientId, scope: ['a:b'] } })
      t.notOk(JSON.stringify(event).includes(secret))
    })
  })
}
