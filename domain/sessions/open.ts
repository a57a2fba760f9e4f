import { randomBytes } from 'node:crypto'
import { uuidv7 } from '../id.ts'
import type { Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Transaction } from '../model/store.ts'
import type { SessionLifetimes } from './sessions.ts'

const SEED_BYTES = 32

/** Inserts a new session. Only `sign-in/complete.ts` may call it: an import rule enforces that. */
export async function openSession(
  tx: Transaction,
  { userId, remember }: Pick<Session, 'userId' | 'remember'>,
  { idleTtl, maxTtl }: SessionLifetimes,
  { ip, userAgent }: Caller,
  now: number
): Promise<Session> {
  const session: Session = {
    id: uuidv7(),
    userId,
    seed: randomBytes(SEED_BYTES).toString('base64url'),
    generation: 0,
    handover: 'withheld',
    remember,
    createdAt: now,
    authTime: now,
    lastUsedAt: now,
    idleExpiresAt: now + idleTtl,
    expiresAt: now + maxTtl,
    endedAt: null,
    ip: ip ?? '',
    userAgent: userAgent ?? ''
  }
  await tx.sessions.insert(session)
  return session
}
