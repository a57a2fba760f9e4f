import t from 'tap'
import { newUser } from '../../domain/accounts/registration.ts'
import { loadSettings } from '../../domain/settings/settings.ts'
import { build, password, type TestApp } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const OFFICE = 100
const ROUNDS = 3
const { config } = loadSettings({}, () => '')
const LIMIT = config.AUTH_LOGIN_LIMIT_PER_IP
const defaults = {
  AUTH_RATE_LIMIT_PER_IP: String(config.AUTH_RATE_LIMIT_PER_IP),
  AUTH_LOGIN_LIMIT_PER_IP: String(LIMIT),
  AUTH_LOGIN_LIMIT_PER_ACCOUNT: String(config.AUTH_LOGIN_LIMIT_PER_ACCOUNT)
}

for (const engine of engines) {
  t.test(`on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const gatehouse = await build(t, { engine, env: defaults })
    await hire(gatehouse)
    let addresses = 0
    let victims = 0

    /** Signs in from this address, in a new browser. Resolves to the status. */
    async function login(address: string, email: string, secret = password): Promise<number> {
      const options = { method: 'POST', url: '/auth/login', remoteAddress: address } as const
      const payload = { email, password: secret }
      return (await gatehouse.app.inject({ ...options, payload })).statusCode
    }

    function newAddress(): string {
      addresses += 1
      return `198.18.7.${addresses}`
    }

    /** Guesses once for each of so many accounts, at once. Resolves to how many guesses were compared. */
    async function spray(address: string, guesses: number): Promise<number> {
      const tries = Array.from({ length: guesses }, () => {
        victims += 1
        return login(address, `victim-${victims}@example.com`, 'a guess for everybody')
      })
      const statuses = await Promise.all(tries)
      return statuses.filter((status) => status === 401).length
    }

    await t.test('a hundred people of one office sign in, at once and one by one', async (t) => {
      const office = newAddress()
      const statuses = await Promise.all(people().map((email) => login(office, email)))
      for (const email of people()) statuses.push(await login(office, email))
      t.strictSame(new Set(statuses), new Set([200]))
    })

    await t.test('ten parallel right sign-ins of one account all succeed', async (t) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const address = newAddress()
        const tries = Array.from({ length: 10 }, () => login(address, `person-${round}@example.com`))
        t.strictSame(new Set(await Promise.all(tries)), new Set([200]))
      }
    })

    await t.test('a guesser among them has the guesses of one address, and no more', async (t) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const office = newAddress()
        const staff = people().slice(0, 20)
        const [guesses] = await Promise.all([
          spray(office, 2 * LIMIT),
          ...staff.map((email) => login(office, email))
        ])
        t.equal(guesses, LIMIT)
        t.equal(await login(office, 'person-0@example.com'), 429)
      }
    })

    await t.test('signing in to an account of one’s own buys no further guess', async (t) => {
      const [office, parallel] = [newAddress(), newAddress()]
      let guesses = 0
      for (let n = 0; n < LIMIT + 5; n += 1) {
        if ((await login(office, 'person-0@example.com')) === 429) break
        guesses += await spray(office, 1)
      }
      t.equal(guesses, LIMIT)
      for (let round = 0, total = 0; round < ROUNDS; round += 1) {
        const own = Array.from({ length: 10 }, () => login(parallel, 'person-1@example.com'))
        total += await spray(parallel, 20)
        await Promise.all(own)
        t.ok(total <= LIMIT, `${total} guesses`)
      }
    })

    await t.test('a registration counts, although it succeeds', async (t) => {
      const address = newAddress()
      const register = async (n: number) => {
        const payload = { email: `new-${n}@example.com`, password }
        const options = { method: 'POST', url: '/auth/register', remoteAddress: address } as const
        return (await gatehouse.app.inject({ ...options, payload })).statusCode
      }
      for (let n = 0; n < LIMIT; n += 1) t.equal(await register(n), 201)
      t.equal(await register(LIMIT), 429)
    })
  })
}

function people(): string[] {
  return Array.from({ length: OFFICE }, (_, n) => `person-${n}@example.com`)
}

async function hire({ app, clock }: TestApp): Promise<void> {
  const passwordHash = await app.passwords.hasher.hash(password)
  await app.store.transaction(async (tx) => {
    for (const email of people()) await tx.users.insert(newUser(email, null, passwordHash, clock()))
  })
}
