import type { Role } from '../../domain/model/role.ts'
import type { RoleView } from '../../schemas/role.ts'

export function roleView({ name, description, scope, builtIn }: Role): RoleView {
  return { name, description, scope: scope.join(' '), builtIn }
}
