import t from 'tap'
import { DAY } from '../../domain/clock.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { Client, ClientSecret } from '../../domain/model/client.ts'
import type { Store } from '../../domain/model/store.ts'
import { engines } from '../harness/engines.ts'
import { now, openOn } from './rows.ts'

const newClient = (changes: Partial<Client> = {}): Client => ({
  id: uuidv7(),
  name: 'reports',
  scope: ['orders:read', 'stock:read'],
  audiences: ['https://b.example.com', 'https://a.example.com'],
  grants: ['client_credentials'],
  disabled: false,
  version: 1,
  jwks: [{ kty: 'OKP', crv: 'Ed25519', x: 'x', alg: 'EdDSA' }],
  createdAt: now,
  secrets: [],
  ...changes
})

const newSecret = (clientId: string, changes: Partial<ClientSecret> = {}): ClientSecret => ({
  id: uuidv7(),
  clientId,
  hash: `hash of ${uuidv7()}`,
  createdAt: now,
  expiresAt: null,
  lastUsedAt: null,
  ...changes
})

async function insertClient(store: Store, changes?: Partial<Client>) {
  const client = newClient(changes)
  await store.clients.insert(client)
  return client
}

async function insertSecret(store: Store, clientId: string, changes?: Partial<ClientSecret>) {
  const secret = newSecret(clientId, changes)
  await store.clients.insertSecret(secret)
  return secret
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { store } = await openOn(t, engine)

    t.test('a client comes back as it went in, and as it was changed', async (t) => {
      const client = await insertClient(store)
      t.strictSame(await store.clients.find(client.id), client)
      const bare = await insertClient(store, { scope: [], audiences: [], jwks: [], disabled: true })
      t.strictSame(await store.clients.find(bare.id), bare)
      const changed = { ...client, name: 'x', scope: [], audiences: [], disabled: true, version: 2, jwks: [] }
      await store.clients.update(changed)
      t.strictSame(await store.clients.find(client.id), changed)
      t.strictSame(await store.clients.find(bare.id), bare, 'no other one')
      t.equal(await store.clients.find(uuidv7()), undefined)
    })

    t.test('a client has its own secrets, in order of creation', async (t) => {
      const [client, other] = [await insertClient(store), await insertClient(store)]
      const first = await insertSecret(store, client.id)
      const second = await insertSecret(store, client.id, { expiresAt: now + 5, lastUsedAt: now })
      const third = await insertSecret(store, other.id)
      t.strictSame((await store.clients.find(client.id))?.secrets, [first, second])
      t.strictSame((await store.clients.find(other.id))?.secrets, [third])
      await store.clients.update({ ...client, version: 2 })
      t.strictSame((await store.clients.find(client.id))?.secrets, [first, second], 'a change keeps them')
      await t.rejects(insertSecret(store, uuidv7()), 'there is no secret of nobody')
    })

    t.test('clients are listed page by page, each with its secrets', async (t) => {
      const made = []
      for (let n = 0; n < 3; n += 1) made.push(await insertClient(store))
      const [a, b, c] = made as [Client, Client, Client]
      const secret = await insertSecret(store, b.id)
      const first = await store.clients.list({ limit: 2, after: a.id })
      t.strictSame(first, [{ ...b, secrets: [secret] }, c])
      t.strictSame(await store.clients.list({ limit: 2, after: c.id }), [])
      const all = await store.clients.list({ limit: 200 })
      t.strictSame(
        all.map(({ id }) => id),
        all.map(({ id }) => id).sort()
      )
    })

    t.test('a secret goes once, and with nobody’s name but its client’s', async (t) => {
      const [client, other] = [await insertClient(store), await insertClient(store)]
      const { id } = await insertSecret(store, client.id)
      t.equal(await store.clients.deleteSecret(other.id, id), false)
      const tries = Array.from({ length: 10 }, () => store.clients.deleteSecret(client.id, id))
      t.equal((await Promise.all(tries)).filter(Boolean).length, 1)
      t.strictSame((await store.clients.find(client.id))?.secrets, [])
    })

    t.test('a client that goes takes its secrets along', async (t) => {
      const [client, other] = [await insertClient(store), await insertClient(store)]
      const { id } = await insertSecret(store, client.id)
      const kept = await insertSecret(store, other.id)
      await store.clients.delete(client.id)
      t.equal(await store.clients.find(client.id), undefined)
      t.equal(await store.clients.deleteSecret(client.id, id), false)
      t.strictSame((await store.clients.find(other.id))?.secrets, [kept])
    })

    t.test('the use of a secret is recorded, with its hash as it is now', async (t) => {
      const { id: clientId } = await insertClient(store)
      const [used, other] = [await insertSecret(store, clientId), await insertSecret(store, clientId)]
      await store.clients.recordSecretUse(used.id, 'new hash', now + 3)
      t.strictSame((await store.clients.find(clientId))?.secrets, [
        { ...used, hash: 'new hash', lastUsedAt: now + 3 },
        other
      ])
      await store.clients.deleteSecret(clientId, used.id)
      await store.clients.recordSecretUse(used.id, 'hash', now)
      t.strictSame((await store.clients.find(clientId))?.secrets, [other], 'one that is gone stays gone')
    })

    t.test('an assertion counts for the first of many who show it, of each client', async (t) => {
      const [a, b] = [await insertClient(store), await insertClient(store)]
      for (let round = 0; round < 10; round += 1) {
        const jti = uuidv7()
        const tries = Array.from({ length: 20 }, () => store.clients.useAssertion(a.id, jti, now + 10))
        t.equal((await Promise.all(tries)).filter(Boolean).length, 1)
        t.equal(await store.clients.useAssertion(b.id, jti, now + 10), true)
        t.equal(await store.clients.useAssertion(a.id, jti, now + 99), false)
      }
    })

    t.test('a client that was deleted is revoked as one, and read back as one', async (t) => {
      const { id } = await insertClient(store)
      const revocation = { kind: 'client', id, minVersion: 2, expiresAt: now + 5 } as const
      await store.revocations.add([revocation])
      const { entries } = await store.revocations.since(0, now)
      t.strictSame(
        entries.map((entry) => entry.revocation).filter((entry) => entry.id === id),
        [revocation]
      )
    })

    t.test('purging removes expired secrets and assertions that can be shown no more', async (t) => {
      const { id } = await insertClient(store)
      const later = now + 400 * DAY
      await insertSecret(store, id, { expiresAt: later - 1 })
      const lasting = await insertSecret(store, id, { expiresAt: later })
      const endless = await insertSecret(store, id)
      await store.clients.useAssertion(id, 'over', later - 1)
      await store.clients.useAssertion(id, 'live', later)
      await store.purge(later, 1000)
      t.strictSame((await store.clients.find(id))?.secrets, [lasting, endless])
      t.equal(await store.clients.useAssertion(id, 'over', later), true, 'it was forgotten')
      t.equal(await store.clients.useAssertion(id, 'live', later), false)
    })
  })
}
