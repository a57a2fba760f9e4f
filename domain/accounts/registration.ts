import type { Clock } from '../clock.ts'
import { Problem } from '../errors.ts'
import { uuidv7 } from '../id.ts'
import type { Caller } from '../model/audit.ts'
import type { Session } from '../model/session.ts'
import type { Store, Transaction } from '../model/store.ts'
import type { InsertedUser, User } from '../model/user.ts'
import type { PasswordHasher } from '../passwords/hasher.ts'
import type { PasswordPolicy } from '../passwords/policy.ts'
import type { SignedIn } from '../sessions/sessions.ts'
import type { CompleteSignIn, SignInContext } from '../sign-in/complete.ts'
import { requireNewEmail } from './new-email.ts'

export interface RegistrationInput {
  email: string
  password: string
  name?: string | null | undefined
}

export interface RegistrationParts {
  store: Store
  clock: Clock
  hasher: PasswordHasher
  checkPassword: PasswordPolicy
  complete: CompleteSignIn
}

export type Register = ReturnType<typeof createRegistration>

/** Creates accounts for people who register themselves. */
export function createRegistration(parts: RegistrationParts & { registration: string }) {
  const { store, registration } = parts

  /** Registers and signs in. Throws a Problem `registration_closed`, `invalid_request`, `weak_password` or `email_taken`. */
  return async (
    input: RegistrationInput,
    previous: Session | undefined,
    caller: Caller
  ): Promise<SignedIn> => {
    if (registration !== 'open') throw new Problem('registration_closed')
    const account = await prepareAccount(parts, input)
    return store.transaction(async (tx) => {
      if (!(await tx.users.insert(account))) throw new Problem('email_taken')
      return signInNewAccount(parts, tx, account.id, { caller, previous, event: 'account.registered' })
    })
  }
}

/** Returns a new account with its password hash; does not store it. Throws a Problem `invalid_request` or `weak_password`. */
export async function prepareAccount(
  { hasher, checkPassword, clock }: Pick<RegistrationParts, 'hasher' | 'checkPassword' | 'clock'>,
  { email: typed, password, name = null }: RegistrationInput
): Promise<InsertedUser> {
  const email = requireNewEmail(typed)
  await checkPassword(password, { email, name }, '/password')
  return newUser(email, name, await hasher.hash(password), clock())
}

/** Signs in to an account that this transaction has just inserted. */
export async function signInNewAccount(
  { complete }: Pick<RegistrationParts, 'complete'>,
  tx: Transaction,
  id: string,
  context: SignInContext
): Promise<SignedIn> {
  const user = (await tx.users.find(id)) as User
  return (await complete(tx, user, context)) as SignedIn
}

export function newUser(
  email: string,
  name: string | null,
  passwordHash: string | null,
  now: number
): InsertedUser {
  return {
    id: uuidv7(),
    email,
    name,
    passwordHash,
    version: 1,
    disabled: false,
    emailVerified: false,
    createdAt: now
  }
}
