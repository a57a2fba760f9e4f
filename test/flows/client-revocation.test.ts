import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { MINUTE, SECOND } from '../../domain/clock.ts'
import { createTokenSource, type VerifierOptions } from '../../verifier/index.ts'
import { build, type Teardown, type TestApp } from '../harness/build.ts'
import { type Engine, postgres } from '../harness/engines.ts'
import { claimsOf, type Machine, post, register, tokenOf } from '../oauth/machine.ts'
import { type ListeningGatehouse, listen, verifierFor } from '../verifier/gatehouse.ts'
import { eventually, outcomeOf, refusedAs } from '../verifier/tokens.ts'

const SOON = 1000
/** How long an instance may go by what it remembers of a client. */
const REMEMBERED = 500
const ORDERS = 'https://orders.example.com'
const STOCK = 'https://stock.example.com'
const ANOTHER = { name: 'client of a following service', scope: ['revocations:read'] }

/** Three instances on one database, and who administers them. */
async function startInstances(t: Teardown, engine: Engine) {
  const first = await listen(t, { engine })
  // A connection that was opened and never used is none that the server counts as idle.
  t.teardown(() => first.app.server.closeAllConnections())
  const beside = () => build(t, { env: first.env, clock: first.clock })
  const instances: [ListeningGatehouse, TestApp, TestApp] = [first, await beside(), await beside()]
  const watcher = await register(first, { name: 'watcher', scope: ['tokens:introspect'] })
  return { instances, first, watcher, root: await first.setUp() }
}

/** Whether a token counts on this instance. */
async function isActive(instance: TestApp, watcher: Machine, token: string): Promise<boolean> {
  const { status, body, text } = await post(instance, '/oauth/introspect', { token }, watcher.basic)
  if (status !== 200) throw new Error(`no introspection: ${text}`)
  return body.active
}

/** A verifier as a service has it that follows by a client of its own. */
async function follow(t: Teardown, gatehouse: ListeningGatehouse, options: Partial<VerifierOptions> = {}) {
  const client = await register(gatehouse, ANOTHER)
  const { issuer } = gatehouse
  const token = createTokenSource({ issuer, clientId: client.id, clientSecret: client.secret })
  const verifier = verifierFor(t, gatehouse, { revocations: { token }, ...options })
  await verifier.ready()
  return { verifier, client }
}

// Several instances are for PostgreSQL; the rules themselves are held on both engines by test/routes/admin/clients.test.ts.
for (const engine of [postgres]) {
  t.test(
    `three instances on ${engine.name} and a service that follows`,
    { skip: engine.missing },
    async (t) => {
      const { instances, first, watcher, root } = await startInstances(t, engine)
      const [, second, third] = instances
      // Of each audience one: what a token is for is no reason here to refuse it.
      const verifiers = new Map(
        await Promise.all(
          [first.issuer, ORDERS, STOCK].map(
            async (audience) => [audience, (await follow(t, first, { audience })).verifier] as const
          )
        )
      )
      const dead: string[] = []

      const verdictOf = async (token: string) => {
        const verifier = verifiers.get(String(claimsOf(token).aud))
        const outcome = verifier && (await outcomeOf(verifier.verify(token)))
        return outcome && 'code' in outcome ? outcome.code : 'valid'
      }
      const activeAt = (token: string) =>
        Promise.all(instances.map((instance) => isActive(instance, watcher, token)))

      async function livesOn(t: Test, token: string) {
        t.strictSame(await activeAt(token), [true, true, true])
        t.equal(await verdictOf(token), 'valid')
      }

      /** A moment after which every instance and the service have read what there is to read. */
      async function everybodyHasRead() {
        const { id } = await register(first, { name: 'marker' })
        const marker = { kind: 'client', id, minVersion: 2, expiresAt: first.clock() + MINUTE } as const
        await first.app.store.revocations.add([marker])
        await pause(SOON)
      }

      async function diesSoon(t: Test, tokens: string[]) {
        const isOver = async (token: string) =>
          (await verdictOf(token)) === 'unauthorized' && !(await activeAt(token)).includes(true)
        const took = await eventually(async () => (await Promise.all(tokens.map(isOver))).every(Boolean))
        t.ok(took < SOON, `${Math.round(took)} ms`)
        t.comment(`after ${Math.round(took)} ms`)
        dead.push(...tokens)
      }

      /** A token from each instance, believed everywhere. */
      async function tokensOf(t: Test, machine: Machine, fields: Record<string, string> = {}) {
        const tokens = await Promise.all(instances.map((instance) => tokenOf(instance, machine, fields)))
        for (const token of tokens) await livesOn(t, token)
        return tokens
      }

      async function change(t: Test, { id }: Machine, changes: object) {
        const { status, text } = await root.patch(`/admin/clients/${id}`, changes)
        t.equal(status, 200, text)
      }

      const asked = async (instance: TestApp, { basic }: Machine, fields: Record<string, string> = {}) =>
        post(instance, '/oauth/token', { grant_type: 'client_credentials', ...fields }, basic)

      await t.test('a disabled client has no tokens any more, and gets none', async (t) => {
        const machine = await register(first)
        const tokens = await tokensOf(t, machine)
        await change(t, machine, { disabled: true })
        await diesSoon(t, tokens)
        await pause(REMEMBERED)
        for (const instance of instances) t.equal((await asked(instance, machine)).status, 401)
      })

      await t.test(
        'enabled again it gets new tokens within a second, and the old ones stay dead',
        async (t) => {
          const machine = await register(first)
          const tokens = await tokensOf(t, machine)
          await change(t, machine, { disabled: true })
          await diesSoon(t, tokens)
          await change(t, machine, { disabled: false })
          await pause(REMEMBERED)
          await tokensOf(t, machine)
          for (const token of tokens) {
            t.strictSame(await activeAt(token), [false, false, false])
            t.equal(await verdictOf(token), 'unauthorized')
          }
        }
      )

      await t.test(
        'a client that is allowed less loses all tokens, also those that asked for little',
        async (t) => {
          const machine = await register(first, { scope: ['a', 'b', 'c'] })
          const tokens = [...(await tokensOf(t, machine)), ...(await tokensOf(t, machine, { scope: 'a' }))]
          await change(t, machine, { scope: 'a b d' })
          await diesSoon(t, tokens)
          await pause(REMEMBERED)
          const fresh = await tokensOf(t, machine)
          t.strictSame(
            fresh.map((token) => claimsOf(token).scope),
            ['a b d', 'a b d', 'a b d']
          )
        }
      )

      await t.test(
        'a token is good that is handed out after the change, here at once, elsewhere once it was read',
        async (t) => {
          const machine = await register(first, { scope: ['a', 'b'] })
          await tokensOf(t, machine)
          await change(t, machine, { scope: 'a' })
          const here = await tokenOf(first, machine)
          await everybodyHasRead()
          const tokens = [
            here,
            ...(await Promise.all(instances.map((instance) => tokenOf(instance, machine))))
          ]
          for (const token of tokens) await livesOn(t, token)
        }
      )

      await t.test('a client that loses an audience loses its tokens', async (t) => {
        const machine = await register(first, { audiences: [ORDERS, STOCK] })
        const tokens = [
          ...(await tokensOf(t, machine, { resource: ORDERS })),
          ...(await tokensOf(t, machine, { resource: STOCK }))
        ]
        await change(t, machine, { audiences: [STOCK] })
        await diesSoon(t, tokens)
        await pause(REMEMBERED)
        await tokensOf(t, machine)
        for (const instance of instances)
          t.match(await asked(instance, machine, { resource: ORDERS }), {
            status: 400,
            body: { error: 'invalid_target' }
          })
      })

      await t.test(
        'a client that was for Gatehouse itself and now is for others loses its tokens',
        async (t) => {
          const machine = await register(first, { audiences: [] })
          const [token = ''] = await tokensOf(t, machine)
          await change(t, machine, { audiences: [ORDERS] })
          await everybodyHasRead()
          t.strictSame(await activeAt(token), [false, false, false])
          t.equal(await verdictOf(token), 'unauthorized')
        }
      )

      await t.test('a deleted client has no tokens any more, and gets none', async (t) => {
        const machine = await register(first)
        const tokens = await tokensOf(t, machine)
        t.equal((await root.delete(`/admin/clients/${machine.id}`)).status, 204)
        await diesSoon(t, tokens)
        await pause(REMEMBERED)
        for (const instance of instances) t.equal((await asked(instance, machine)).status, 401)
      })

      await t.test('a client that is renamed or allowed more keeps its tokens', async (t) => {
        const machine = await register(first, { scope: ['a'], audiences: [ORDERS] })
        const tokens = await tokensOf(t, machine)
        await change(t, machine, { name: 'renamed' })
        await change(t, machine, { scope: 'a b' })
        await change(t, machine, { audiences: [STOCK, ORDERS] })
        await change(t, machine, { disabled: false })
        await everybodyHasRead()
        for (const token of tokens) await livesOn(t, token)
        const [wider = ''] = await tokensOf(t, machine)
        t.match(claimsOf(wider), { scope: 'a b', aud: STOCK })
      })

      await t.test('another client’s tokens live on whatever happens to one', async (t) => {
        const [machine, other] = [await register(first), await register(first)]
        const [ours, theirs] = [await tokensOf(t, machine), await tokensOf(t, other)]
        t.equal((await root.delete(`/admin/clients/${machine.id}`)).status, 204)
        await diesSoon(t, ours)
        for (const token of theirs) await livesOn(t, token)
      })

      await t.test('the guard of every instance refuses the bearer token within a second', async (t) => {
        const machine = await register(first, { scope: ['keys:read'] })
        const [token] = await tokensOf(t, machine)
        const statuses = () =>
          Promise.all(
            instances.map(
              async ({ browser }) =>
                (await browser({ authorization: `Bearer ${token}` }).get('/admin/keys')).status
            )
          )
        t.strictSame(await statuses(), [200, 200, 200])
        await change(t, machine, { disabled: true })
        const took = await eventually(async () => (await statuses()).every((status) => status === 401))
        t.ok(took < SOON, `${Math.round(took)} ms`)
      })

      await t.test('whoever asks meanwhile, all the time, has nothing that lives in the end', async (t) => {
        const ends: Array<(machine: Machine) => Promise<unknown>> = [
          (machine) => change(t, machine, { disabled: true }),
          (machine) => change(t, machine, { scope: 'a' }),
          ({ id }) => root.delete(`/admin/clients/${id}`)
        ]
        for (const end of ends) {
          const machine = await register(first)
          const tokens: string[] = []
          const startedAt = performance.now()
          let endedAt = Number.POSITIVE_INFINITY
          let minted = 0
          const keepAsking = async (instance: TestApp) => {
            while (performance.now() < Math.min(endedAt + SOON, startedAt + 10 * SOON)) {
              const { status, body } = await asked(instance, machine, { scope: 'a b' })
              if (status === 200) {
                tokens.push(body.access_token)
                if (performance.now() > endedAt) minted += 1
              }
              await pause(5)
            }
          }
          const asking = Promise.all(instances.map(keepAsking))
          await pause(100)
          await end(machine)
          endedAt = performance.now()
          await asking
          t.ok(tokens.length > 0)
          t.comment(`${tokens.length} tokens, ${minted} of them from memory after the end`)
          const alive = []
          for (const token of tokens) {
            if ((await activeAt(token)).includes(true) || (await verdictOf(token)) === 'valid')
              alive.push(token)
          }
          t.strictSame(alive, [])
        }
      })

      await t.test(
        'an instance that still remembers the client of before mints no token that lives',
        async (t) => {
          for (const changes of [{ disabled: true }, { scope: 'a' }, { audiences: [STOCK] }, undefined]) {
            // Its memory of a client never grows old.
            const forgetful = await build(t, { env: first.env, clock: first.clock, monotonic: () => 0 })
            const machine = await register(first, { audiences: [ORDERS, STOCK] })
            const before = await tokenOf(forgetful, machine)
            t.equal(await verdictOf(before), 'valid')
            if (changes) await change(t, machine, changes)
            else t.equal((await root.delete(`/admin/clients/${machine.id}`)).status, 204)
            first.clock.advance(499)
            const late = await tokenOf(forgetful, machine)
            t.match(claimsOf(late), { scope: 'a b', aud: ORDERS }, 'it does remember')
            await diesSoon(t, [before, late])
            await forgetful.app.revocations.poll()
            t.equal(await isActive(forgetful, watcher, late), false, 'and itself does not believe it')
          }
        }
      )

      await t.test(
        'a new secret works at once on every instance that knows the client already',
        async (t) => {
          for (let round = 0; round < 3; round += 1) {
            const machine = await register(first)
            await tokensOf(t, machine)
            const { status, body } = await root.post(`/admin/clients/${machine.id}/secrets`, {})
            t.equal(status, 201)
            const fields = { client_id: machine.id, client_secret: body.clientSecret }
            const form = { grant_type: 'client_credentials', ...fields }
            const answers = await Promise.all(
              instances.map((instance) => post(instance, '/oauth/token', form))
            )
            t.strictSame(
              answers.map((answer) => answer.status),
              [200, 200, 200]
            )
          }
        }
      )

      await t.test(
        'a secret that was withdrawn opens nothing within a second, and never again',
        async (t) => {
          const machine = await register(first)
          await tokensOf(t, machine)
          const { body } = await root.get(`/admin/clients/${machine.id}`)
          const url = `/admin/clients/${machine.id}/secrets/${body.secrets[0].id}`
          t.equal((await root.delete(url)).status, 204)
          const statuses = () =>
            Promise.all(instances.map(async (instance) => (await asked(instance, machine)).status))
          const took = await eventually(async () => (await statuses()).every((status) => status === 401))
          t.ok(took < SOON, `${Math.round(took)} ms`)
          t.comment(`after ${Math.round(took)} ms`)
          for (let round = 0; round < 20; round += 1) t.strictSame(await statuses(), [401, 401, 401])
        }
      )

      await t.test('a service goes on following when its own client is allowed less', async (t) => {
        const follower = await follow(t, first)
        await change(t, follower.client, { scope: 'revocations:read a' })
        await change(t, follower.client, { scope: 'revocations:read' })
        await pause(2 * SOON)
        const machine = await register(first)
        const token = await tokenOf(second, machine)
        t.match(await outcomeOf(follower.verifier.verify(token)), { auth: { subject: machine.id } })
        await change(t, machine, { disabled: true })
        await pause(2 * SOON)
        t.strictSame(await outcomeOf(follower.verifier.verify(token)), refusedAs('unauthorized'))
      })

      await t.test('what is dead stays dead, to the end of its time and past it', async (t) => {
        t.ok(dead.length > 20, `${dead.length} tokens`)
        for (let passed = 0; passed <= 6 * MINUTE; passed += 15 * SECOND) {
          for (const { app } of instances) await app.revocations.poll()
          const alive = []
          for (const token of dead) {
            if (await isActive(third, watcher, token)) alive.push(token)
          }
          t.strictSame(alive, [], `after ${passed / SECOND} s`)
          first.clock.advance(15 * SECOND)
        }
      })
    }
  )
}
