import fc from 'fast-check'
import t from 'tap'
import {
  MANAGEMENT_SCOPE,
  managementScopesIn,
  parseScope,
  unionOfScopes
} from '../../../domain/roles/scopes.ts'

t.test('scopes together are sorted and without repeats', async (t) => {
  t.strictSame(unionOfScopes([{ scope: ['b', 'a'] }, { scope: [] }, { scope: ['a', 'c'] }]), ['a', 'b', 'c'])
  t.strictSame(unionOfScopes([]), [])
})

t.test('the order of roles does not matter, nor how often one is named', async () => {
  const scopes = fc.array(fc.record({ scope: fc.array(fc.constantFrom('a', 'b', 'c:d', 'e')) }))
  fc.assert(
    fc.property(scopes, (roles) => {
      const text = unionOfScopes(roles).join(' ')
      return (
        text === unionOfScopes([...roles].reverse()).join(' ') &&
        text === unionOfScopes([...roles, ...roles]).join(' ')
      )
    })
  )
})

t.test('a scope is read from its text, none from an empty one', async (t) => {
  t.strictSame(parseScope('orders:write orders:read orders:write'), ['orders:read', 'orders:write'])
  t.strictSame(parseScope(''), [])
})

t.test('the management scopes among others are found, and look-alikes are not', async (t) => {
  t.strictSame(managementScopesIn(['orders:read', 'users:write', 'audit:read']), [
    'users:write',
    'audit:read'
  ])
  t.strictSame(managementScopesIn([...MANAGEMENT_SCOPE]), [...MANAGEMENT_SCOPE])
  t.strictSame(managementScopesIn(['users', 'users:writes', 'USERS:WRITE', 'audit:read:all']), [])
})
