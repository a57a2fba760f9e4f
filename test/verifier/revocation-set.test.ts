import fc from 'fast-check'
import t from 'tap'
import { RevocationSet } from '../../verifier/revocation-set.ts'

const claims = { jti: 'token', sub: 'ada', sid: 'session', ver: 3 }
const setOf = (...entries: Parameters<RevocationSet['add']>[0][]) => {
  const set = new RevocationSet()
  for (const entry of entries) set.add(entry)
  return set
}

t.test('what nobody revoked is valid', async (t) => {
  const set = setOf(
    { kind: 'sid', id: 'other', expiresAt: 10 },
    { kind: 'jti', id: 'session', expiresAt: 10 },
    { kind: 'sid', id: 'ada', expiresAt: 10 },
    { kind: 'user', id: 'bob', minVersion: 9, expiresAt: 10 }
  )
  t.equal(set.statusOf(claims), 'valid')
  t.equal(new RevocationSet().statusOf(claims), 'valid')
})

t.test('a revoked session and a revoked token are revoked', async (t) => {
  t.equal(setOf({ kind: 'sid', id: 'session', expiresAt: 10 }).statusOf(claims), 'revoked')
  t.equal(setOf({ kind: 'jti', id: 'token', expiresAt: 10 }).statusOf(claims), 'revoked')
})

t.test('a token below the user’s version is stale, from that version on it is valid', async (t) => {
  const set = setOf({ kind: 'user', id: 'ada', minVersion: 3, expiresAt: 10 })
  t.equal(set.statusOf({ ...claims, ver: 2 }), 'stale')
  t.equal(set.statusOf({ ...claims, ver: 3 }), 'valid')
  t.equal(set.statusOf({ ...claims, ver: 4 }), 'valid')
})

const robot = { jti: 'token', sub: 'robot', client_id: 'robot', client_ver: 3 }

t.test(
  'a machine’s token below the client’s version is revoked, from that version on it is valid',
  async (t) => {
    const set = setOf({ kind: 'client', id: 'robot', minVersion: 3, expiresAt: 10 })
    t.equal(set.statusOf({ ...robot, client_ver: 2 }), 'revoked')
    t.equal(set.statusOf(robot), 'valid')
    t.equal(set.statusOf({ ...robot, client_ver: 4 }), 'valid')
    t.equal(set.statusOf({ ...robot, client_ver: undefined }), 'revoked', 'one that does not say is older')
    t.equal(set.statusOf({ ...robot, client_id: 'other', client_ver: 1 }), 'valid')
  }
)

t.test('a client and a user of the same id are two', async (t) => {
  const client = setOf({ kind: 'client', id: 'ada', minVersion: 9, expiresAt: 10 })
  t.equal(client.statusOf(claims), 'valid')
  const user = setOf({ kind: 'user', id: 'robot', minVersion: 9, expiresAt: 10 })
  t.equal(user.statusOf(robot), 'valid')
})

t.test('what a client got for a person ends with the client, and with the person’s session', async (t) => {
  const exchanged = { ...claims, client_id: 'robot', client_ver: 3 }
  t.equal(setOf().statusOf(exchanged), 'valid')
  const byClient = setOf({ kind: 'client', id: 'robot', minVersion: 4, expiresAt: 10 })
  t.equal(byClient.statusOf(exchanged), 'revoked')
  t.equal(byClient.statusOf(claims), 'valid', 'and the person’s own goes on')
  t.equal(setOf({ kind: 'sid', id: 'session', expiresAt: 10 }).statusOf(exchanged), 'revoked')
  t.equal(setOf({ kind: 'user', id: 'ada', minVersion: 4, expiresAt: 10 }).statusOf(exchanged), 'stale')
  byClient.add({ kind: 'user', id: 'ada', minVersion: 4, expiresAt: 10 })
  t.equal(byClient.statusOf(exchanged), 'revoked', 'of a client and a version the client is the end')
})

t.test(
  'what was derived from a client’s token ends with that client and with that token (F10)',
  async (t) => {
    const before = {
      sub: 'robot',
      client_ver: 3,
      jti: 'earlier',
      act: { sub: 'first', client_ver: 1, jti: 'first' }
    }
    const act = { sub: 'last', act: before }
    const derived = { ...claims, client_id: 'last', client_ver: 1, act }
    t.equal(setOf().statusOf(derived), 'valid')
    const ends: Parameters<RevocationSet['add']>[0][] = [
      { kind: 'client', id: 'last', minVersion: 2, expiresAt: 10 },
      { kind: 'client', id: 'robot', minVersion: 4, expiresAt: 10 },
      { kind: 'client', id: 'first', minVersion: 2, expiresAt: 10 },
      { kind: 'jti', id: 'earlier', expiresAt: 10 },
      { kind: 'jti', id: 'first', expiresAt: 10 }
    ]
    for (const end of ends) {
      t.equal(setOf(end).statusOf(derived), 'revoked', `${end.kind} ${end.id}`)
      t.equal(setOf(end).statusOf(claims), 'valid', 'and the person’s own goes on')
    }
    const others: Parameters<RevocationSet['add']>[0][] = [
      { kind: 'client', id: 'robot', minVersion: 3, expiresAt: 10 },
      { kind: 'sid', id: 'earlier', expiresAt: 10 },
      { kind: 'user', id: 'robot', minVersion: 9, expiresAt: 10 }
    ]
    t.equal(setOf(...others).statusOf(derived), 'valid')
    const versionless = { ...derived, act: { ...act, act: { sub: 'robot' } } }
    const lowest = { kind: 'client', id: 'robot', minVersion: 1, expiresAt: 10 } as const
    t.equal(setOf(lowest).statusOf(versionless), 'revoked', 'one that does not say is older')
  }
)

t.test('who is both revoked and stale is revoked', async (t) => {
  const set = setOf(
    { kind: 'user', id: 'ada', minVersion: 9, expiresAt: 10 },
    { kind: 'sid', id: 'session', expiresAt: 10 }
  )
  t.equal(set.statusOf(claims), 'revoked')
})

t.test('versions may arrive in any order, again and again: the highest stands', async () => {
  const version = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(fc.array(version, { minLength: 1 }), version, (versions, ver) => {
      const set = setOf(
        ...versions.map(
          (minVersion) => ({ kind: 'user', id: 'ada', minVersion, expiresAt: minVersion }) as const
        )
      )
      const expected = ver < Math.max(...versions) ? 'stale' : 'valid'
      return set.size === 1 && set.statusOf({ ...claims, ver }) === expected
    })
  )
})

t.test('versions of a client may arrive in any order, too', async () => {
  const version = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(fc.array(version, { minLength: 1 }), version, (versions, client_ver) => {
      const entries = versions.map(
        (minVersion) => ({ kind: 'client', id: 'robot', minVersion, expiresAt: 10 }) as const
      )
      const set = setOf(...entries)
      const expected = client_ver < Math.max(...versions) ? 'revoked' : 'valid'
      return set.size === 1 && set.statusOf({ ...robot, client_ver }) === expected
    })
  )
})

t.test('a client’s entry is forgotten when its time is over and not before', async (t) => {
  const set = setOf(
    { kind: 'client', id: 'robot', minVersion: 4, expiresAt: 30 },
    { kind: 'client', id: 'robot', minVersion: 2, expiresAt: 10 }
  )
  set.prune(29)
  t.equal(set.statusOf(robot), 'revoked')
  set.prune(30)
  t.equal(set.size, 0)
  t.equal(set.statusOf(robot), 'valid')
})

t.test('an entry is forgotten when its time is over and not before', async (t) => {
  const set = setOf(
    { kind: 'sid', id: 'session', expiresAt: 10 },
    { kind: 'jti', id: 'token', expiresAt: 20 },
    { kind: 'user', id: 'ada', minVersion: 9, expiresAt: 30 }
  )
  set.prune(9)
  t.equal(set.size, 3)
  set.prune(10)
  t.equal(set.size, 2)
  t.equal(set.statusOf(claims), 'revoked', 'by its jti')
  set.prune(20)
  t.equal(set.statusOf(claims), 'stale')
  set.prune(30)
  t.equal(set.size, 0)
  t.equal(set.statusOf(claims), 'valid')
})

t.test('an older entry that arrives late shortens no newer one', async (t) => {
  const set = setOf(
    { kind: 'user', id: 'ada', minVersion: 4, expiresAt: 30 },
    { kind: 'user', id: 'ada', minVersion: 2, expiresAt: 10 }
  )
  set.prune(20)
  t.equal(set.statusOf({ ...claims, ver: 3 }), 'stale')
})

t.test('a revoked key is revoked for ever, and is no session or token', async (t) => {
  const set = setOf({ kind: 'kid', id: 'session', expiresAt: 10 })
  t.equal(set.isKeyRevoked('session'), true)
  t.equal(set.isKeyRevoked('other'), false)
  t.equal(set.statusOf(claims), 'valid')
  set.prune(1e15)
  t.equal(set.isKeyRevoked('session'), true)
  t.equal(set.size, 1)
})

t.test('an entry that cannot be judged makes what was issued until then stale, once', async (t) => {
  const set = setOf()
  set.addUnknown('entry', 9000, 2500)
  t.equal(set.statusOf({ ...claims, iat: 2 }), 'stale')
  t.equal(set.statusOf({ ...claims, iat: 3 }), 'valid')
  set.addUnknown('entry', 9000, 4000)
  t.equal(set.statusOf({ ...claims, iat: 3 }), 'valid', 'told again')
  set.addUnknown('another', 9000, 4000)
  t.equal(set.statusOf({ ...claims, iat: 3 }), 'stale')
  set.prune(9000)
  t.equal(set.size, 0)
})
