import { uuidv7 } from '../../domain/id.ts'
import type { Session } from '../../domain/model/session.ts'
import type { Store } from '../../domain/model/store.ts'
import type { InsertedUser } from '../../domain/model/user.ts'
import { openStore } from '../../store/index.ts'
import type { Teardown } from '../harness/build.ts'
import type { Engine } from '../harness/engines.ts'

export const now = 1_800_000_000_000
export const nobody = { actorId: null, ip: null, userAgent: null, requestId: null }

export const newUser = (email: string): InsertedUser => ({
  id: uuidv7(),
  email,
  name: 'Ada',
  passwordHash: 'hash',
  version: 1,
  disabled: false,
  emailVerified: false,
  createdAt: now
})

export const newSession = (userId: string): Session => ({
  id: uuidv7(),
  userId,
  seed: 'seed',
  generation: 0,
  handover: 'withheld',
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

export async function insertUser(store: Store, email = `${uuidv7()}@example.com`) {
  const user = newUser(email)
  await store.users.insert(user)
  return user
}

export async function insertSession(store: Store, userId: string) {
  const session = newSession(userId)
  await store.sessions.insert(session)
  return session
}

/** The store on a new database of this engine, and the migrations that made it. */
export async function openOn(t: Teardown, engine: Engine) {
  const database = await engine.create()
  const opened = await openStore(database.url, () => {})
  t.teardown(async () => {
    await opened.store.close()
    await database.remove()
  })
  return { ...opened, url: database.url }
}
