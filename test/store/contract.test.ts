import t from 'tap'
import { auditEvent } from '../../domain/audit.ts'
import { DAY } from '../../domain/clock.ts'
import { Problem } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/id.ts'
import type { Client, ClientSecret, Committed, InsertedUser, Session, Store } from '../../domain/store.ts'
import { openStore } from '../../store/index.ts'
import { engines } from '../harness/engines.ts'

const now = 1_800_000_000_000
const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }
const policy = { limit: 5, firstDelay: 1000, doublings: 3, forgetAfter: 86_400_000 }

const newUser = (email: string): InsertedUser => ({
  id: uuidv7(),
  email,
  name: 'Ada',
  passwordHash: 'hash',
  version: 1,
  disabled: false,
  emailVerified: false,
  createdAt: now
})

const newSession = (userId: string): Session => ({
  id: uuidv7(),
  userId,
  seed: 'seed',
  generation: 0,
  remember: true,
  createdAt: now,
  authTime: now,
  lastUsedAt: now,
  idleExpiresAt: now + 1000,
  expiresAt: now + 10_000,
  endedAt: null,
  ip: '127.0.0.1',
  userAgent: 'test'
})

const newClient = (changes: Partial<Client> = {}): Client => ({
  id: uuidv7(),
  name: 'reports',
  scope: ['orders:read', 'stock:read'],
  audiences: ['https://b.example.com', 'https://a.example.com'],
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

async function insertUser(store: Store, email = `${uuidv7()}@example.com`) {
  const user = newUser(email)
  await store.users.insert(user)
  return user
}

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

async function insertSession(store: Store, userId: string) {
  const session = newSession(userId)
  await store.sessions.insert(session)
  return session
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const database = await engine.create()
    const { store, migrated } = await openStore(database.url, () => {})
    t.teardown(async () => {
      await store.close()
      await database.remove()
    })

    t.test('a new database is migrated once', async (t) => {
      t.strictSame(migrated, ['0001-initial', '0002-key-schedule', '0003-revocation-log', '0004-clients'])
      const again = await openStore(database.url, () => {})
      t.strictSame(again.migrated, [])
      await again.store.close()
    })

    t.test('several processes may migrate a new database at once', async (t) => {
      const empty = await engine.create()
      const opened = await Promise.all([1, 2, 3].map(() => openStore(empty.url, () => {})))
      t.equal(opened.filter(({ migrated }) => migrated.length > 0).length, 1)
      await Promise.all(opened.map((each) => each.store.close()))
      await empty.remove()
    })

    t.test('a user comes back as it went in', async (t) => {
      const user = await insertUser(store)
      t.strictSame(await store.users.find(user.id), {
        ...user,
        lastLoginAt: null,
        roles: ['user'],
        scope: []
      })
      t.strictSame(await store.users.findByEmail(user.email), await store.users.find(user.id))
    })

    t.test('one e-mail address is one user, whoever is first', async (t) => {
      const email = `${uuidv7()}@example.com`
      const inserted = await Promise.all(Array.from({ length: 20 }, () => store.users.insert(newUser(email))))
      t.equal(inserted.filter(Boolean).length, 1)
    })

    t.test(
      'a login counts only while the password is the one compared and the account enabled',
      async (t) => {
        const { id } = await insertUser(store)
        t.equal(await store.users.recordLogin(id, 'hash', now), true)
        t.equal((await store.users.find(id))?.lastLoginAt, now)
        t.equal(await store.users.recordLogin(id, 'another', now), false)
        await store.users.setDisabled(id, true)
        t.equal(await store.users.recordLogin(id, 'hash', now), false)
      }
    )

    t.test('of parallel password changes from one hash, one wins', async (t) => {
      const { id } = await insertUser(store)
      const changes = Array.from({ length: 20 }, (_, n) =>
        store.users.setPasswordHash(id, 'hash', `new ${n}`)
      )
      t.equal((await Promise.all(changes)).filter(Boolean).length, 1)
    })

    t.test('a version rises for one user, for those who hold a role, and for everybody', async (t) => {
      const [holder, other] = [await insertUser(store), await insertUser(store)]
      await store.roles.insert({ name: `r-${holder.id}`, description: '', scope: ['a:b'] })
      await store.users.setRoles(holder.id, [`r-${holder.id}`])
      t.strictSame(await store.users.bumpVersion({ id: other.id }), [{ id: other.id, version: 2 }])
      t.strictSame(await store.users.bumpVersion({ role: `r-${holder.id}` }), [{ id: holder.id, version: 2 }])
      const everybody = await store.users.bumpVersion({ role: 'user' })
      t.ok(everybody.some(({ id, version }) => id === holder.id && version === 3))
      t.ok(everybody.some(({ id, version }) => id === other.id && version === 3))
    })

    t.test('search takes % and _ for what they are', async (t) => {
      const marked = await insertUser(store, `100%_${uuidv7()}@example.com`)
      const found = await store.users.list({ limit: 200, search: '100%_' })
      t.strictSame(
        found.map(({ id }) => id),
        [marked.id]
      )
    })

    t.test('administrators are counted while enabled and with a password', async (t) => {
      const before = await store.users.countAdministrators()
      const user = await insertUser(store)
      await store.users.setRoles(user.id, ['admin'])
      t.equal(await store.users.countAdministrators(), before + 1)
      await store.users.setDisabled(user.id, true)
      t.equal(await store.users.countAdministrators(), before)
    })

    t.test('different sets of roles are listed once each', async (t) => {
      for (const name of ['zeta', 'alpha']) await store.roles.insert({ name, description: '', scope: [] })
      const users = [await insertUser(store), await insertUser(store)]
      for (const { id } of users) await store.users.setRoles(id, ['zeta', 'alpha'])
      const sets = (await store.users.listRoleSets()).map((set) => set.join(' '))
      t.equal(sets.filter((set) => set === 'alpha user zeta').length, 1)
    })

    t.test('a session comes back as it went in', async (t) => {
      const { id } = await insertUser(store)
      const session = await insertSession(store, id)
      t.strictSame(await store.sessions.find(session.id), session)
    })

    t.test('of parallel rotations from one generation, one wins', async (t) => {
      const session = await insertSession(store, (await insertUser(store)).id)
      for (let generation = 0; generation < 20; generation += 1) {
        const rotations = Array.from({ length: 25 }, () =>
          store.sessions.rotate(session.id, generation, now, now + 2000)
        )
        const won = (await Promise.all(rotations)).filter((row) => row !== undefined)
        t.equal(won.length, 1)
        t.equal(won[0]?.generation, generation + 1)
      }
    })

    t.test('a session that is over does not rotate, and ends once', async (t) => {
      const { id } = await insertUser(store)
      const [idle, expired, ended] = [
        await insertSession(store, id),
        await insertSession(store, id),
        await insertSession(store, id)
      ]
      t.equal(await store.sessions.rotate(idle.id, 0, now + 1000, now + 3000), undefined)
      t.equal(await store.sessions.rotate(expired.id, 0, now + 10_000, now + 20_000), undefined)
      t.equal(await store.sessions.end(ended.id, 'logout', now), true)
      t.equal(await store.sessions.end(ended.id, 'logout', now), false)
      t.equal(await store.sessions.rotate(ended.id, 0, now, now + 1000), undefined)
      t.equal(await store.sessions.renew(ended.id, now), undefined)
    })

    t.test('all sessions of one user end, but for one, and nobody else’s', async (t) => {
      const [ada, bob] = [await insertUser(store), await insertUser(store)]
      const [kept, gone, others] = [
        await insertSession(store, ada.id),
        await insertSession(store, ada.id),
        await insertSession(store, bob.id)
      ]
      t.strictSame(await store.sessions.endAll(ada.id, 'password_changed', now, kept.id), [gone.id])
      t.strictSame(
        (await store.sessions.listLive(ada.id, now, { limit: 10 })).map(({ id }) => id),
        [kept.id]
      )
      t.equal((await store.sessions.find(others.id))?.endedAt, null)
    })

    t.test('a user who goes takes sessions, roles and one-time tokens along', async (t) => {
      const { id } = await insertUser(store)
      const session = await insertSession(store, id)
      await store.users.setRoles(id, ['admin'])
      await store.oneTimeTokens.insert({ hash: id, purpose: 'password', userId: id, expiresAt: now + 1 })
      t.equal(await store.users.delete(id), true)
      t.equal(await store.users.delete(id), false)
      t.equal(await store.sessions.find(session.id), undefined)
      t.equal(await store.oneTimeTokens.find(id, 'password', now), undefined)
    })

    t.test('a one-time token is consumed by one of many, for its purpose, in its time', async (t) => {
      const token = { hash: uuidv7(), purpose: 'setup', userId: null, expiresAt: now + 10 } as const
      await store.oneTimeTokens.insert(token)
      t.equal(await store.oneTimeTokens.consume(token.hash, 'password', now), false)
      t.equal(await store.oneTimeTokens.consume(token.hash, 'setup', now + 10), false)
      const tries = Array.from({ length: 20 }, () => store.oneTimeTokens.consume(token.hash, 'setup', now))
      t.equal((await Promise.all(tries)).filter(Boolean).length, 1)
    })

    t.test('parallel tries are let through up to the limit and no further', async (t) => {
      for (let round = 0; round < 20; round += 1) {
        const key = uuidv7()
        const tries = Array.from({ length: 100 }, () => store.throttles.reserve(key, policy, now))
        const waits = (await Promise.all(tries)).map(({ wait }) => wait)
        t.strictSame(waits.filter((wait) => wait === 0).length, 5)
        t.ok(waits.every((wait) => wait === 0 || wait === 1000))
      }
    })

    t.test('each try past the limit doubles the delay, up to a bound, until it is forgotten', async (t) => {
      const key = uuidv7()
      const delays: number[] = []
      let time = now
      for (let tries = 0; tries < 10; tries += 1) {
        await store.throttles.reserve(key, policy, time)
        const { wait } = await store.throttles.reserve(key, policy, time)
        if (wait === 0) continue
        delays.push(wait)
        time += wait
      }
      t.strictSame(delays.slice(0, 6), [1000, 2000, 4000, 8000, 8000, 8000])
      t.strictSame(await store.throttles.reserve(key, policy, time + policy.forgetAfter + 1), { wait: 0 })
      t.strictSame(await store.throttles.reserve(key, policy, time + policy.forgetAfter + 1), { wait: 0 })
    })

    t.test('revocations come back while they live', async (t) => {
      const id = uuidv7()
      await store.revocations.add([{ kind: 'user', id, minVersion: 5, expiresAt: now + 5 }])
      await store.revocations.add([{ kind: 'sid', id, expiresAt: now + 7 }])
      const living = async (at: number) => {
        const { entries } = await store.revocations.since(0, at)
        return entries.map(({ revocation }) => revocation).filter((revocation) => revocation.id === id)
      }
      t.strictSame(
        new Set(await living(now + 4)),
        new Set([
          { kind: 'user', id, minVersion: 5, expiresAt: now + 5 },
          { kind: 'sid', id, expiresAt: now + 7 }
        ])
      )
      t.strictSame(await living(now + 5), [{ kind: 'sid', id, expiresAt: now + 7 }])
      t.strictSame(await living(now + 7), [])
    })

    t.test(
      'a reading goes on where the one before ended, and repeats nothing that was decided',
      async (t) => {
        const ids = [uuidv7(), uuidv7()] as const
        await store.revocations.add([{ kind: 'sid', id: ids[0], expiresAt: now + 1 }])
        const { next } = await store.revocations.since(0, now)
        await store.revocations.add([{ kind: 'sid', id: ids[1], expiresAt: now + 1 }])
        const { entries } = await store.revocations.since(next, now)
        t.strictSame(
          entries.map(({ revocation }) => revocation.id),
          [ids[1]]
        )
      }
    )

    t.test('what was written before a reading and committed long after it is not missed', async (t) => {
      const [early, late] = [uuidv7(), uuidv7()]
      const next = await store.transaction(async (tx) => {
        await tx.revocations.add([{ kind: 'sid', id: late, expiresAt: now + 1 }])
        if (engine.name === 'postgres') {
          await store.revocations.add([{ kind: 'sid', id: early, expiresAt: now + 1 }])
        }
        const reading = await store.revocations.since(0, now)
        t.notOk(reading.entries.some(({ revocation }) => revocation.id === late))
        return reading.next
      })
      const { entries } = await store.revocations.since(next, now)
      t.ok(entries.some(({ revocation }) => revocation.id === late))
    })

    t.test('positions only rise, though everything was purged', async (t) => {
      const before = await store.revocations.since(0, now)
      await store.purge(now + 365 * DAY)
      const after = await store.revocations.since(0, now)
      t.ok(after.next >= before.next)
      const id = uuidv7()
      await store.revocations.add([{ kind: 'sid', id, expiresAt: now + 1 }])
      const { entries } = await store.revocations.since(before.next, now)
      t.ok(entries.some(({ revocation }) => revocation.id === id))
    })

    t.test('more revocations than one statement takes are all recorded', async (t) => {
      const many = Array.from(
        { length: 1200 },
        () => ({ kind: 'jti', id: uuidv7(), expiresAt: now + 1 }) as const
      )
      await store.revocations.add(many)
      const { entries } = await store.revocations.since(0, now)
      t.equal(entries.filter(({ revocation }) => revocation.kind === 'jti').length, 1200)
    })

    t.test('signing keys are kept in the order in which they sign', async (t) => {
      const key = (kid: string, activatesAt: number) =>
        ({
          kid,
          algorithm: 'ES256',
          publicPem: 'public',
          sealedPrivateKey: `sealed ${kid}`,
          imported: kid === 'b',
          createdAt: now,
          activatesAt
        }) as const
      await store.signingKeys.insert(key('a', now + 2))
      await store.signingKeys.insert(key('b', now + 1))
      t.strictSame(await store.signingKeys.list(), [key('b', now + 1), key('a', now + 2)])
      await store.signingKeys.activate('b', now + 3)
      t.strictSame(await store.signingKeys.list(), [key('a', now + 2), key('b', now + 3)])
      await store.signingKeys.reseal('a', 'sealed b', 'wrong')
      await store.signingKeys.reseal('b', 'sealed b', 'anew')
      await store.signingKeys.delete('a')
      t.strictSame(await store.signingKeys.list(), [{ ...key('b', now + 3), sealedPrivateKey: 'anew' }])
    })

    t.test('what is exclusive is done by one at a time', async (t) => {
      let inside = 0
      let most = 0
      const tries = Array.from({ length: 10 }, () =>
        store.transaction(async (tx) => {
          await tx.exclusive('signing-keys')
          inside += 1
          most = Math.max(most, inside)
          await tx.signingKeys.list()
          inside -= 1
        })
      )
      await Promise.all(tries)
      t.equal(most, 1)
    })

    t.test('a transaction holds together: an error leaves nothing of it', async (t) => {
      const user = newUser(`${uuidv7()}@example.com`)
      const work = store.transaction(async (tx) => {
        await tx.users.insert(user)
        await tx.audit.append(auditEvent('account.registered', nobody, now, { userId: user.id }))
        throw new Problem('email_taken')
      })
      await t.rejects(work, { code: 'email_taken' })
      t.equal(await store.users.find(user.id), undefined)
      t.strictSame(await store.audit.list({ limit: 10, userId: user.id }), [])
    })

    t.test('a failed statement spoils its own transaction and none beside it', async (t) => {
      const users = Array.from({ length: 40 }, () => newUser(`${uuidv7()}@example.com`))
      const work = users.map((user, index) =>
        store.transaction(async (tx) => {
          await tx.users.insert(user)
          if (index % 4 === 0) await tx.sessions.insert(newSession('nobody'))
        })
      )
      const settled = await Promise.allSettled(work)
      t.equal(settled.filter(({ status }) => status === 'rejected').length, 10)
      for (const [index, { id }] of users.entries()) {
        t.equal((await store.users.find(id)) !== undefined, index % 4 !== 0)
      }
    })

    t.test(
      'whoever follows commits hears of them after they are made, and of nothing rolled back',
      async (t) => {
        const heard: Committed[] = []
        store.onCommit((committed) => heard.push(committed))
        const event = auditEvent('login.failed', nobody, now, {})
        await store.transaction(async (tx) => {
          await tx.audit.append(event)
          await tx.revocations.add([{ kind: 'sid', id: 'x', expiresAt: now }])
          t.equal(heard.length, 0)
        })
        t.strictSame(heard, [{ audited: [event], revoked: [{ kind: 'sid', id: 'x', expiresAt: now }] }])
        await store
          .transaction(async (tx) => {
            await tx.audit.append(auditEvent('login.failed', nobody, now, {}))
            throw new Error('no')
          })
          .catch(() => {})
        t.equal(heard.length, 1)
      }
    )

    t.test('the audit trail is read newest first, page by page, by its filters', async (t) => {
      const userId = uuidv7()
      const events = [1, 2, 3].map((n) =>
        auditEvent('login.succeeded', nobody, now + n, { userId, detail: { n } })
      )
      for (const event of events) await store.audit.append(event)
      const [third, second] = await store.audit.list({ limit: 2, userId })
      t.strictSame([third, second], [events[2], events[1]])
      t.strictSame(await store.audit.list({ limit: 2, userId, after: second?.id }), [events[0]])
      t.strictSame(await store.audit.list({ limit: 9, userId, from: now + 2, to: now + 3 }), [events[1]])
      t.strictSame(await store.audit.list({ limit: 9, userId, type: 'login.failed' }), [])
    })

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
      await store.purge(later)
      t.strictSame((await store.clients.find(id))?.secrets, [lasting, endless])
      t.equal(await store.clients.useAssertion(id, 'over', later), true, 'it was forgotten')
      t.equal(await store.clients.useAssertion(id, 'live', later), false)
    })

    t.test('purging removes what is over and keeps what lives', async (t) => {
      const { id } = await insertUser(store)
      const [live, over] = [await insertSession(store, id), await insertSession(store, id)]
      await store.sessions.end(over.id, 'logout', now)
      const later = now + 8 * 86_400_000
      await store.sessions.insert({ ...newSession(id), id: live.id.replace(/^./, 'f'), expiresAt: later + 1 })
      t.ok((await store.purge(later)) > 0)
      t.equal(await store.sessions.find(over.id), undefined)
      t.ok(await store.sessions.find(live.id.replace(/^./, 'f')))
    })
  })
}
