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
  /** Those of these names that are roles. */
  findAll(names: string[]): Promise<Role[]>
  /** False where the name is taken. */
  insert(role: Omit<Role, 'builtIn'>): Promise<boolean>
  update(role: Omit<Role, 'builtIn'>): Promise<boolean>
  delete(name: string): Promise<void>
}
