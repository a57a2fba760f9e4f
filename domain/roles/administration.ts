import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { auditEvent } from '../model/audit.ts'
import type { Role } from '../model/role.ts'
import type { Store, Transaction } from '../model/store.ts'
import { revokeUserTokens } from '../revocations/revoke.ts'
import type { Config } from '../settings/config.ts'
import { fitsIntoCookie } from '../tokens/access-token.ts'
import { type Administrator, assertCanGive, assertCanManage, withdrawOutgrownLinks } from './authority.ts'
import { lookUpRoles } from './lookup.ts'
import { ADMIN_ROLE, assignedRoles, USER_ROLE, unionOfScopes } from './scopes.ts'

export type RoleAdministration = ReturnType<typeof createRoleAdministration>

type RoleInput = Omit<Role, 'builtIn'>

/** Lets administrators manage roles. A change reaches the holders of a role at their next refresh. */
export function createRoleAdministration({
  store,
  clock,
  config
}: {
  store: Store
  clock: Clock
  config: Config
}) {
  /** Throws a Problem `roles_too_large` if the access token of any holder of the changed role would not fit into a cookie. */
  async function assertFits(tx: Transaction, role: RoleInput): Promise<void> {
    const all = [[role.name, USER_ROLE], ...(await tx.users.listRoleSets())]
    const roleSets = all.filter((names) => names.includes(role.name))
    const lookup = await lookUpRoles(tx, roleSets.flat())
    for (const names of roleSets) {
      const others = lookup.scopeOf(names.filter((name) => name !== role.name))
      const scope = unionOfScopes([{ scope: others }, role])
      if (!fitsIntoCookie([...new Set(names)].sort(), scope, config)) throw new Problem('roles_too_large')
    }
  }

  // An administrator who changes a role that they hold gives to themselves. `user` is exempt: all users hold it.
  async function assertNoOwnGain(
    tx: Transaction,
    role: RoleInput,
    administrator: Administrator
  ): Promise<void> {
    const { onBehalfOf, actorId } = administrator.caller
    const self = await tx.users.find(onBehalfOf ?? actorId ?? '')
    if (self && assignedRoles(self.roles).includes(role.name))
      assertCanGive(administrator, role.scope, self.id)
  }

  async function changeWithin(
    tx: Transaction,
    before: Role,
    role: RoleInput,
    administrator: Administrator
  ): Promise<void> {
    assertCanManage(administrator, [...before.scope, ...role.scope])
    await assertNoOwnGain(tx, role, administrator)
    await assertFits(tx, role)
    await tx.roles.update(role)
    await withdrawOutgrownLinks(tx, role, before.scope, role.scope)
    await revokeUserTokens(tx, { role: role.name }, clock())
    await tx.audit.append(
      auditEvent('role.changed', administrator.caller, clock(), {
        detail: { role: role.name, scope: role.scope }
      })
    )
  }

  async function createWithin(tx: Transaction, role: RoleInput, { caller }: Administrator): Promise<boolean> {
    await assertFits(tx, role)
    if (!(await tx.roles.insert(role))) return false
    await tx.audit.append(
      auditEvent('role.created', caller, clock(), { detail: { role: role.name, scope: role.scope } })
    )
    return true
  }

  // Serialises changes of roles and of their holders, so that each check sees the result of the change before.
  function inTurn<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return store.transaction(async (tx) => {
      await tx.exclusive('roles')
      return work(tx)
    })
  }

  return {
    /** Creates a role. Throws a Problem `role_exists`, `roles_too_large` or `forbidden`. */
    async create(role: RoleInput, administrator: Administrator): Promise<Role> {
      assertCanManage(administrator, role.scope)
      await inTurn(async (tx) => {
        if (!(await createWithin(tx, role, administrator))) throw new Problem('role_exists')
      })
      return { ...role, builtIn: false }
    },

    /** Changes a role. Throws a Problem `not_found`, `role_built_in`, `roles_too_large` or `forbidden`. */
    async change(role: RoleInput, administrator: Administrator): Promise<Role> {
      if (role.name === ADMIN_ROLE) throw new Problem('role_built_in')
      return inTurn(async (tx) => {
        const before = await tx.roles.find(role.name)
        if (!before) throw new Problem('not_found')
        await changeWithin(tx, before, role, administrator)
        return { ...role, builtIn: before.builtIn }
      })
    },

    /** Creates or changes a role, for the command line. */
    async set(role: RoleInput, administrator: Administrator): Promise<'created' | 'changed'> {
      if (role.name === ADMIN_ROLE) throw new Problem('role_built_in')
      return inTurn(async (tx) => {
        const before = await tx.roles.find(role.name)
        if (before) await changeWithin(tx, before, role, administrator)
        else await createWithin(tx, role, administrator)
        return before ? 'changed' : 'created'
      })
    },

    /** Takes the role from all users, then deletes it. Throws a Problem `not_found`, `role_built_in` or `forbidden`. */
    async delete(name: string, administrator: Administrator): Promise<void> {
      await inTurn(async (tx) => {
        const role = await tx.roles.find(name)
        if (!role) throw new Problem('not_found')
        if (role.builtIn) throw new Problem('role_built_in')
        assertCanManage(administrator, role.scope)
        await revokeUserTokens(tx, { role: name }, clock())
        await tx.roles.delete(name)
        await tx.audit.append(
          auditEvent('role.deleted', administrator.caller, clock(), { detail: { role: name } })
        )
      })
    }
  }
}
