import fp from 'fastify-plugin'
import { createAccountExport, type ExportAccount } from '../domain/accounts/export.ts'
import { createFirstAdministrator, type FirstAdministrator } from '../domain/accounts/first-administrator.ts'
import { createOwnEvents, type ListOwnEvents } from '../domain/accounts/own-events.ts'
import { createProfiles, type Profiles } from '../domain/accounts/profile.ts'
import { createPromotion, type Promote } from '../domain/accounts/promotion.ts'
import { createRegistration, type Register } from '../domain/accounts/registration.ts'
import { createUserAdministration, type UserAdministration } from '../domain/accounts/user-administration.ts'
import { createAccountImport, type StartImport } from '../domain/import/account-import.ts'
import { type ChangePassword, createPasswordChange } from '../domain/passwords/change.ts'
import { type AskForPasswordLink, createForgottenPassword } from '../domain/passwords/forgotten.ts'
import { createPasswordReset, type PasswordReset } from '../domain/passwords/reset.ts'

interface Accounts extends Profiles {
  register: Register
  changePassword: ChangePassword
  passwordReset: PasswordReset
  askForPasswordLink: AskForPasswordLink
  firstAdministrator: FirstAdministrator
  administration: UserAdministration
  promote: Promote
  startImport: StartImport
  listOwnEvents: ListOwnEvents
  exportAccount: ExportAccount
}

declare module 'fastify' {
  interface FastifyInstance {
    accounts: Accounts
  }
}

/** Decorates `accounts`: what users do with their own account, and administrators with other accounts. */
export default fp(
  async (fastify) => {
    const { store, clock, config, sessions, passwords, signIn, outbox } = fastify
    const parts = { store, clock, config, sessions, signIn, outbox, ...signIn, ...passwords }
    const issuer = config.AUTH_ISSUER
    const passwordReset = createPasswordReset({ ...parts, issuer })
    const administration = createUserAdministration({ ...parts, passwordReset })
    const listOwnEvents = createOwnEvents(store)
    fastify.decorate('accounts', {
      ...createProfiles(parts),
      register: createRegistration({ ...parts, registration: config.AUTH_REGISTRATION }),
      changePassword: createPasswordChange(parts),
      passwordReset,
      askForPasswordLink: createForgottenPassword({ ...parts, key: fastify.derivedKeys.throttle }),
      firstAdministrator: createFirstAdministrator({ ...parts, issuer }),
      administration,
      promote: createPromotion({ ...parts, passwordReset }),
      startImport: createAccountImport({ ...parts, administration }),
      listOwnEvents,
      exportAccount: createAccountExport({ ...parts, listOwnEvents })
    })
  },
  {
    name: 'accounts',
    dependencies: ['config', 'store', 'sessions', 'passwords', 'sign-in', 'outbox', 'derived-keys']
  }
)
