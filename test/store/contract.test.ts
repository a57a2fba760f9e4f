import t from 'tap'
import { Problem } from '../../domain/errors.ts'
import { uuidv7 } from '../../domain/id.ts'
import { auditEvent } from '../../domain/model/audit.ts'
import type { Committed } from '../../domain/model/store.ts'
import type { UserFilter } from '../../domain/model/user.ts'
import { openStore } from '../../store/index.ts'
import { migrationsOf } from '../../store/migrations/index.ts'
import type { Teardown } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'
import { pgbouncer } from '../harness/pgbouncer.ts'
import { insertSession, insertUser, newSession, newUser, nobody, now, openOn } from './rows.ts'

const at = (lastUsedAt: number) => ({ lastUsedAt, idleExpiresAt: now + 20_000, ip: '', userAgent: '' })

const unmailed = { email: null, browserHash: null, codeHash: null }

/** What the store runs on. In transaction mode, two transactions of one client may use two connections. */
const subjects = [
  ...engines.map((engine) => ({ ...engine, start: async (_t: Teardown) => engine })),
  {
    name: 'postgres behind PgBouncer in transaction mode',
    missing: pgbouncer.missing,
    start: (t: Teardown) => pgbouncer.start(t, 'transaction')
  }
]

for (const { name, missing, start } of subjects) {
  t.test(`on ${name}`, { skip: missing }, async (t) => {
    const engine = await start(t)
    const { store, migrated, url } = await openOn(t, engine)

    t.test('a new database is migrated once', async (t) => {
      t.strictSame(migrated, Object.keys(migrationsOf(engine.name)))
      const again = await openStore(url, () => {})
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
        deviceEpoch: 0,
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

    t.test('search finds names and addresses in any spelling', async (t) => {
      const sought = await insertUser(store, 'info@xn--mnchen-3ya.de')
      for (const [name, ...searches] of [
        ['ΟΔΥΣΣΕΥΣ', 'ΟΔΥΣΣΕΥΣ', 'οδυσσεύς', 'ΣΣΕΥ'],
        ['İSTANBUL', 'İSTANBUL', 'istanbul', 'ıstan'],
        ['ÉLODIE', 'élodie', 'elodie', 'ÉLODIE'],
        ['Ada', 'münchen', 'INFO@MÜNCHEN.DE', 'xn--mnchen', 'munchen']
      ] as const) {
        await store.users.setName(sought.id, name)
        for (const search of searches) {
          const found = await store.users.list({ limit: 200, search })
          t.strictSame(
            found.map(({ id }) => id),
            [sought.id],
            search
          )
        }
      }
    })

    t.test('accounts are listed by role and by whether they are disabled', async (t) => {
      const [holder, off, other] = [await insertUser(store), await insertUser(store), await insertUser(store)]
      const role = `r-${holder.id}`
      await store.roles.insert({ name: role, description: '', scope: [] })
      for (const { id } of [holder, off]) await store.users.setRoles(id, [role])
      await store.users.setDisabled(off.id, true)
      const listed = async (filter: UserFilter) =>
        (await store.users.list({ limit: 200, ...filter })).map(({ id }) => id)
      t.strictSame(await listed({ role }), [holder.id, off.id])
      t.strictSame(await listed({ role, disabled: true }), [off.id])
      t.strictSame(await listed({ role, disabled: false }), [holder.id])
      t.ok((await listed({ role: 'user' })).includes(other.id), 'all accounts hold `user`')
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
          store.sessions.rotate(session.id, generation, at(now))
        )
        const won = (await Promise.all(rotations)).filter((row) => row !== undefined)
        t.equal(won.length, 1)
        t.equal(won[0]?.generation, generation + 1)
      }
    })

    t.test(
      'a rotation keeps where it came from, and is unseen until its own generation is confirmed',
      async (t) => {
        const session = await insertSession(store, (await insertUser(store)).id)
        const rotation = { lastUsedAt: now + 5, idleExpiresAt: now + 900, ip: '192.0.2.7', userAgent: 'curl' }
        const rotated = await store.sessions.rotate(session.id, 0, rotation)
        t.strictSame(rotated, { ...session, ...rotation, generation: 1, handover: 'unseen' })
        await store.sessions.confirm(session.id, 0)
        t.equal((await store.sessions.find(session.id))?.handover, 'unseen')
        await store.sessions.confirm(session.id, 1)
        t.equal((await store.sessions.find(session.id))?.handover, 'seen')
      }
    )

    t.test(
      'a renewal withholds its token from the one before, and confirming it changes nothing',
      async (t) => {
        const session = await insertSession(store, (await insertUser(store)).id)
        const renewed = await store.sessions.renew(session.id, now + 7)
        const times = { authTime: now + 7, lastUsedAt: now + 7 }
        t.strictSame(renewed, { ...session, ...times, generation: 1, handover: 'withheld' })
        await store.sessions.confirm(session.id, 1)
        t.equal((await store.sessions.find(session.id))?.handover, 'withheld')
      }
    )

    t.test('a session that is over does not rotate, and ends once', async (t) => {
      const { id } = await insertUser(store)
      const [idle, expired, ended] = [
        await insertSession(store, id),
        await insertSession(store, id),
        await insertSession(store, id)
      ]
      t.equal(await store.sessions.rotate(idle.id, 0, at(now + 1000)), undefined)
      t.equal(await store.sessions.rotate(expired.id, 0, at(now + 10_000)), undefined)
      t.equal(await store.sessions.end(ended.id, 'logout', now), true)
      t.equal(await store.sessions.end(ended.id, 'logout', now), false)
      t.equal(await store.sessions.rotate(ended.id, 0, at(now)), undefined)
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

    t.test(
      'a new password and disabling raise the device epoch, and a new hash of one password does not',
      async (t) => {
        const { id } = await insertUser(store)
        const epoch = async () => (await store.users.find(id))?.deviceEpoch
        await store.users.rehashPassword(id, 'hash', 'costlier')
        t.equal((await store.users.find(id))?.passwordHash, 'costlier')
        await store.users.rehashPassword(id, 'hash', 'late')
        t.equal((await store.users.find(id))?.passwordHash, 'costlier')
        t.equal(await epoch(), 0)
        await store.users.setPasswordHash(id, 'costlier', 'new')
        t.equal(await epoch(), 1)
        await store.users.setDisabled(id, true)
        await store.users.setDisabled(id, false)
        t.equal(await epoch(), 2)
      }
    )

    t.test('a user who goes takes sessions, roles and one-time tokens along', async (t) => {
      const { id } = await insertUser(store)
      const session = await insertSession(store, id)
      await store.users.setRoles(id, ['admin'])
      await store.oneTimeTokens.insert({
        ...unmailed,
        hash: id,
        purpose: 'password',
        userId: id,
        expiresAt: now + 1
      })
      t.equal(await store.users.delete(id), true)
      t.equal(await store.users.delete(id), false)
      t.equal(await store.sessions.find(session.id), undefined)
      t.equal(await store.oneTimeTokens.find(id, 'password', now), undefined)
    })

    t.test('a one-time token is consumed by one of many, for its purpose, in its time', async (t) => {
      const token = {
        ...unmailed,
        hash: uuidv7(),
        purpose: 'setup',
        userId: null,
        expiresAt: now + 10
      } as const
      await store.oneTimeTokens.insert(token)
      t.equal(await store.oneTimeTokens.consume(token.hash, 'password', now), false)
      t.equal(await store.oneTimeTokens.consume(token.hash, 'setup', now + 10), false)
      const tries = Array.from({ length: 20 }, () => store.oneTimeTokens.consume(token.hash, 'setup', now))
      t.equal((await Promise.all(tries)).filter(Boolean).length, 1)
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
        t.strictSame(heard, [
          { audited: [event], revoked: [{ kind: 'sid', id: 'x', expiresAt: now }], enqueued: 0 }
        ])
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

    t.test('purging removes what is over and keeps what lives', async (t) => {
      const { id } = await insertUser(store)
      const [live, over] = [await insertSession(store, id), await insertSession(store, id)]
      await store.sessions.end(over.id, 'logout', now)
      const later = now + 8 * 86_400_000
      await store.sessions.insert({ ...newSession(id), id: live.id.replace(/^./, 'f'), expiresAt: later + 1 })
      t.ok((await store.purge(later, 1000)) > 0)
      t.equal(await store.sessions.find(over.id), undefined)
      t.ok(await store.sessions.find(live.id.replace(/^./, 'f')))
    })
  })
}
