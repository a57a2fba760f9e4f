import { createHmac } from 'node:crypto'
import { requireEmail } from '../accounts/email-address.ts'
import { type Clock, HOUR } from '../clock.ts'
import type { DerivedKey } from '../keys/master-key.ts'
import type { Outbox } from '../mail/outbox.ts'
import type { Store } from '../model/store.ts'
import type { ThrottlePolicy } from '../model/throttle.ts'
import { isSecret, newSecret } from '../one-time-tokens.ts'

/** Mails that one address gets within an hour, whoever asks for them. */
const MAILS_PER_HOUR = 5
const PER_ADDRESS: ThrottlePolicy = {
  limit: MAILS_PER_HOUR,
  firstDelay: 0,
  delays: 0,
  rest: HOUR,
  keep: HOUR,
  keepSince: 'first'
}

export type AskForPasswordLink = ReturnType<typeof createForgottenPassword>

/** Takes the requests of people who forgot their password. */
export function createForgottenPassword({
  store,
  clock,
  key,
  outbox
}: {
  store: Store
  clock: Clock
  key: DerivedKey
  outbox: Outbox
}) {
  /**
   * Stores the request. Returns the secret of the browser: the one that it showed, so that the code of an earlier mail still
   * counts there, or a new one. Does the same work whether the address has an account: the
   * account is looked up at delivery. Over the limit of an address, no mail follows. Throws a Problem `invalid_request`.
   */
  return async (typed: string, shown: string): Promise<string> => {
    const email = requireEmail(typed)
    const browser = isSecret(shown) ? shown : newSecret()
    const count = createHmac('sha256', key.current).update(`password-forgotten ${email}`).digest('base64url')
    const { wait } = await store.throttles.reserve({ key: count, account: count }, PER_ADDRESS, clock())
    if (wait === 0)
      await store.transaction((tx) =>
        outbox.enqueueWithin(tx, { kind: 'password_forgotten', email, browser })
      )
    return browser
  }
}
