import t from 'tap'
import { type Auth, assertAllowed, authOf, type Requirements } from '../../verifier/authorization.ts'
import { Refusal } from '../../verifier/refusal.ts'

const NOW = 1_800_000_000_000
const claims = { auth_time: NOW / 1000 - 600 } as Auth['claims']
const auth: Auth = {
  subject: 'ada',
  kind: 'user',
  roles: ['editor', 'user'],
  scope: ['posts:read', 'posts:write'],
  sessionId: 'session',
  claims
}

const verdict = (requirements: Requirements, who = auth) => {
  try {
    assertAllowed(who, requirements, NOW)
    return 'allowed'
  } catch (error) {
    return error instanceof Refusal ? error.code : error
  }
}

t.test('each requirement alone decides by what the caller has', async (t) => {
  const cases: Array<[Requirements, string]> = [
    [{}, 'allowed'],
    [{ roles: ['editor'] }, 'allowed'],
    [{ roles: ['editor', 'user'] }, 'allowed'],
    [{ roles: ['editor', 'admin'] }, 'forbidden'],
    [{ roles: [] }, 'allowed'],
    [{ anyRole: ['admin', 'editor'] }, 'allowed'],
    [{ anyRole: ['admin'] }, 'forbidden'],
    [{ anyRole: [] }, 'forbidden'],
    [{ scope: '' }, 'allowed'],
    [{ scope: 'posts:read' }, 'allowed'],
    [{ scope: 'posts:write posts:read' }, 'allowed'],
    [{ scope: 'posts:read posts:delete' }, 'forbidden'],
    [{ scope: 'posts' }, 'forbidden'],
    [{ kind: 'user' }, 'allowed'],
    [{ kind: 'service' }, 'forbidden'],
    [{ fresh: 600_000 }, 'allowed'],
    [{ fresh: 599_999 }, 'reauthentication_required']
  ]
  for (const [requirements, expected] of cases)
    t.equal(verdict(requirements), expected, JSON.stringify(requirements))
})

t.test('all requirements hold together, and who may not is not asked to sign in again', async (t) => {
  t.equal(verdict({ roles: ['editor'], scope: 'posts:read', kind: 'user', fresh: 600_000 }), 'allowed')
  t.equal(verdict({ roles: ['editor'], scope: 'posts:delete' }), 'forbidden')
  t.equal(verdict({ scope: 'posts:delete', fresh: 1 }), 'forbidden')
})

t.test('a machine does not sign in and so is not asked for a recent sign-in', async (t) => {
  t.equal(verdict({ fresh: 1 }, { ...auth, kind: 'service' }), 'allowed')
})

t.test('authOf returns the caller that a guard left, and throws if there is none', (t) => {
  t.equal(authOf({ auth }), auth)
  const message = 'request.auth is empty: the route needs a guard that is not optional'
  t.throws(() => authOf({}), { message }, 'no guard has run')
  t.throws(() => authOf({ auth: null }), { message }, 'an optional guard found no token')
  t.end()
})
