import t from 'tap'
import { createClientDirectory } from '../../../domain/clients/directory.ts'
import type { Client } from '../../../domain/model/client.ts'
import { build, type Teardown } from '../../harness/build.ts'
import { register } from '../../oauth/machine.ts'

const REMEMBERED = 500
const BOUND = 1000

/** A directory over a real database, its time in the test's hand, and how often it read. */
async function open(t: Teardown) {
  const service = await build(t)
  const { store } = service.app
  let reads = 0
  let now = 10_000
  const counted = {
    ...store,
    clients: {
      ...store.clients,
      find: (id: string) => {
        reads += 1
        return store.clients.find(id)
      }
    }
  }
  return {
    service,
    clients: store.clients,
    directory: createClientDirectory(counted, () => now),
    reads: () => reads,
    advance(milliseconds: number) {
      now += milliseconds
    }
  }
}

t.test('a client is read once in half a second, and then as it is', async (t) => {
  const { service, clients, directory, reads, advance } = await open(t)
  const { id } = await register(service)
  const before = (await directory.find(id)) as Client
  await clients.update({ ...before, name: 'renamed' })
  advance(REMEMBERED - 1)
  t.equal((await directory.find(id))?.name, before.name)
  t.equal(reads(), 1)
  advance(1)
  t.equal((await directory.find(id))?.name, 'renamed')
  t.equal(reads(), 2)
})

t.test('asked anew it reads at once, and knows that from then on', async (t) => {
  const { service, clients, directory, reads } = await open(t)
  const { id } = await register(service)
  const before = (await directory.find(id)) as Client
  await clients.update({ ...before, name: 'renamed' })
  t.equal((await directory.findAnew(id))?.name, 'renamed')
  t.equal((await directory.find(id))?.name, 'renamed')
  t.equal(reads(), 2)
})

t.test('one that is gone is forgotten, and one that never was is not remembered', async (t) => {
  const { service, clients, directory, reads } = await open(t)
  const { id } = await register(service)
  await directory.find(id)
  await clients.delete(id)
  t.equal(await directory.findAnew(id), undefined)
  t.equal(await directory.find(id), undefined)
  t.equal(reads(), 3)
})

t.test('it remembers a bounded number, the latest', async (t) => {
  const { service, clients, directory, reads } = await open(t)
  const { id } = await register(service)
  const client = (await clients.find(id)) as Client
  const ids = Array.from({ length: BOUND + 1 }, (_, n) => `client-${n}`)
  await service.app.store.transaction(async (tx) => {
    for (const each of ids) await tx.clients.insert({ ...client, id: each })
  })
  for (const each of ids) await directory.find(each)
  const before = reads()
  for (const each of ids.slice(1)) await directory.find(each)
  t.equal(reads(), before)
  await directory.find(ids[0] as string)
  t.equal(reads(), before + 1)
})
