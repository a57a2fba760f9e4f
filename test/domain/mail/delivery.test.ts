import t from 'tap'
import { DAY, HOUR, MINUTE } from '../../../domain/clock.ts'
import { deriveKeys } from '../../../domain/keys/master-key.ts'
import { createDelivery, PermanentFailure } from '../../../domain/mail/delivery.ts'
import type { Letter, MailMessage } from '../../../domain/mail/messages.ts'
import { createOutbox } from '../../../domain/mail/outbox.ts'
import type { Store } from '../../../domain/model/store.ts'
import { createClock } from '../../harness/clock.ts'
import { engines } from '../../harness/engines.ts'
import { openOn } from '../../store/rows.ts'

const keys = deriveKeys(Buffer.alloc(32, 1)).mail
const otherKeys = deriveKeys(Buffer.alloc(32, 2)).mail

const write = async (message: MailMessage): Promise<Letter | undefined> =>
  message.kind === 'password_changed' && message.userId === 'nobody'
    ? undefined
    : {
        userId: 'u1',
        to: 'ada@example.com',
        template: 'password-changed',
        values: { service: '', when: '', where: '', link: '' }
      }

/** A store with one message for each name, and deliveries that share it. */
async function setUp(store: Store, users: string[]) {
  const clock = createClock()
  const outbox = createOutbox({ clock, keys, isOn: true })
  for (const userId of users)
    await store.transaction((tx) =>
      outbox.enqueueWithin(tx, { kind: 'password_changed', userId, at: clock(), ip: null })
    )
  const outcomes: string[] = []
  const deliveryBy = (send: (letter: Letter) => Promise<void>, its = keys) =>
    createDelivery({
      store,
      clock,
      keys: its,
      write,
      send,
      observe: (outcome) => void outcomes.push(outcome)
    })
  return { clock, outcomes, deliveryBy }
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const { store } = await openOn(t, engine)

    t.test('a message is sent once and removed', async (t) => {
      const { deliveryBy, outcomes } = await setUp(store, ['u1'])
      const sent: Letter[] = []
      const deliver = deliveryBy(async (letter) => void sent.push(letter))
      t.equal(await deliver(), 1)
      t.equal(await deliver(), 0)
      t.match(sent, [{ to: 'ada@example.com' }])
      t.strictSame(outcomes, ['sent'])
      t.equal(await store.outbox.count(), 0)
    })

    t.test('three instances send each of 200 messages once', async (t) => {
      const users = Array.from({ length: 200 }, (_, n) => `u${n}`)
      const { deliveryBy } = await setUp(store, users)
      let sent = 0
      const deliveries = [1, 2, 3].map(() =>
        deliveryBy(async () => {
          sent += 1
        })
      )
      const attempts = await Promise.all(deliveries.map((deliver) => deliver()))
      t.equal(sent, users.length)
      t.equal(
        attempts.reduce((total, count) => total + count),
        users.length
      )
      t.equal(await store.outbox.count(), 0)
    })

    t.test(
      'an attempt that fails is repeated after 30 s, then twice as long, and at most an hour',
      async (t) => {
        const { clock, deliveryBy, outcomes } = await setUp(store, ['u1'])
        const deliver = deliveryBy(() => Promise.reject(new Error('421 not now')))
        t.equal(await deliver(), 1)
        for (const delay of [
          MINUTE / 2,
          MINUTE,
          2 * MINUTE,
          4 * MINUTE,
          8 * MINUTE,
          16 * MINUTE,
          32 * MINUTE,
          HOUR,
          HOUR
        ]) {
          clock.advance(delay - 1)
          t.equal(await deliver(), 0, `not before ${delay} ms`)
          clock.advance(1)
          t.equal(await deliver(), 1, `after ${delay} ms`)
        }
        t.strictSame([...new Set(outcomes)], ['failed'])
        clock.advance(HOUR)
        await deliveryBy(async () => {})()
        t.equal(outcomes.at(-1), 'sent')
      }
    )

    t.test('after a day a message is given up, with an audit row that does not repeat it', async (t) => {
      const { clock, deliveryBy, outcomes } = await setUp(store, ['u1'])
      const deliver = deliveryBy(() => Promise.reject(new Error('421 not now')))
      for (let hour = 0; hour < DAY / HOUR + 10; hour += 1) {
        await deliver()
        clock.advance(HOUR)
      }
      t.equal(outcomes.at(-1), 'given_up')
      t.equal(await store.outbox.count(), 0)
      const [event] = await store.audit.list({ limit: 1 })
      t.match(event, { type: 'mail.given_up', userId: 'u1', detail: { kind: 'password_changed' } })
      t.notMatch(JSON.stringify(event), 'ada@')
    })

    t.test('a permanent refusal is given up at once', async (t) => {
      const { deliveryBy, outcomes } = await setUp(store, ['u1'])
      await deliveryBy(() => Promise.reject(new PermanentFailure('550 no such user')))()
      t.strictSame(outcomes, ['given_up'])
      t.equal(await store.outbox.count(), 0)
    })

    t.test('a message for an account that has gone is dropped', async (t) => {
      const { deliveryBy, outcomes } = await setUp(store, ['nobody'])
      await deliveryBy(() => Promise.reject(new Error('must not be sent')))()
      t.strictSame(outcomes, ['dropped'])
      t.equal(await store.outbox.count(), 0)
    })

    t.test('a message that another master key sealed is given up', async (t) => {
      const { deliveryBy, outcomes } = await setUp(store, ['u1'])
      await deliveryBy(() => Promise.reject(new Error('must not be sent')), otherKeys)()
      t.strictSame(outcomes, ['given_up'])
    })

    t.test('what an instance took and did not send is sent by another, three minutes later', async (t) => {
      const { clock, deliveryBy } = await setUp(store, ['u1'])
      const [taken] = await store.outbox.claim(clock(), clock() + 3 * MINUTE, 1)
      t.equal(taken?.attempts, 1)
      let sent = 0
      const deliver = deliveryBy(async () => {
        sent += 1
      })
      t.equal(await deliver(), 0)
      clock.advance(3 * MINUTE)
      t.equal(await deliver(), 1)
      t.equal(sent, 1)
    })
  })
}
