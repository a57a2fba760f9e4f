import type { Page } from './page.ts'

export interface Role {
  name: string
  description: string
  /** Sorted, without duplicates. */
  scope: string[]
  builtIn: boolean
}

export interface RoleRepository {
  list(page: Page): Promise<Role[]>
  find(name: string): Promise<Role | undefined>
  /** Returns the roles with these names. Skips unknown names. */
  findAll(names: string[]): Promise<Role[]>
  /** Returns false if the name is taken. */
  insert(role: Omit<Role, 'builtIn'>): Promise<boolean>
  update(role: Omit<Role, 'builtIn'>): Promise<boolean>
  delete(name: string): Promise<void>
}
