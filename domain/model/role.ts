import type { Page } from './page.ts'

export interface Role {
  name: string
  description: string
  /** Sorted and without repeats. */
  scope: string[]
  builtIn: boolean
}

export interface RoleRepository {
  list(page: Page): Promise<Role[]>
  find(name: string): Promise<Role | undefined>
  /** The scopes of these roles together, sorted, without repeats. */
  scopeOf(names: string[]): Promise<string[]>
  /** Names that are no role. */
  missing(names: string[]): Promise<string[]>
  /** False where the name is taken. */
  insert(role: Omit<Role, 'builtIn'>): Promise<boolean>
  update(role: Omit<Role, 'builtIn'>): Promise<boolean>
  delete(name: string): Promise<void>
}
