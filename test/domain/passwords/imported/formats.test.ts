import t from 'tap'
import { createPasswordHasher } from '../../../../domain/passwords/hasher.ts'
import { formatOf, readHash } from '../../../../domain/passwords/imported/formats.ts'
import { readFastHash } from '../../../../domain/passwords/imported/wrapped.ts'
import { build } from '../../../harness/build.ts'
import { newUser } from '../../../store/rows.ts'
import vectors from './vectors.json' with { type: 'json' }

const hasher = await createPasswordHasher({ memoryKib: 1024, time: 2, parallelism: 1 })
const families = [...new Set(vectors.map(({ family }) => family))]
const [bcryptHash, scryptHash] = ['bcrypt', 'passlib scrypt'].map(
  (of) => vectors.find(({ family }) => family === of)?.hash ?? ''
) as [string, string]

t.test('the password of each hash that another program made matches, and another does not', async (t) => {
  t.ok(vectors.length > 70)
  for (const [n, { family, hash, password, source }] of vectors.entries()) {
    const stored = await hasher.storable(hash)
    t.equal(await hasher.verify(stored, password), true, `${family}, ${source}: ${hash}`)
    const isFirst = vectors[n - 1]?.family !== family
    if (isFirst) t.equal(await hasher.verify(stored, `${password.slice(0, 40)}?`), false, hash)
    t.equal(hasher.isOutdated(stored), true, 'the next sign-in replaces it')
    t.equal(await hasher.storable(stored), stored, 'and an export can be imported again')
  }
})

t.test('a fast hash is stored only in argon2id, without its digest', async (t) => {
  const fast = vectors.flatMap(({ hash }) => {
    const read = readFastHash(hash)
    return read ? [{ ...read, hash }] : []
  })
  t.ok(fast.length > 20)
  for (const { hash, digest } of fast) {
    const stored = await hasher.storable(hash)
    t.match(stored, /^\$gatehouse-wrapped\$.+\$argon2id\$v=19\$m=1024,/)
    t.notOk(stored.includes(digest), hash)
    t.throws(() => readHash(hash), { message: 'it has no known form' })
  }
})

t.test('a cost out of bounds is refused before any work', (t) => {
  const [salt, digest] = ['c29tZXNhbHQ', 'A'.repeat(43)]
  const refused: Array<[hash: string, reason: RegExp]> = [
    [bcryptHash.replace('$04$', '$15$'), /at most 14 for bcrypt/],
    [bcryptHash.replace('$04$', '$03$'), /4 or more/],
    [`pbkdf2:sha256:2000001$x$${'ab'.repeat(32)}`, /at most 2,000,000/],
    [`pbkdf2:sha256:1000001$x$${'ab'.repeat(64)}`, /at most 2,000,000/],
    [`pbkdf2:sha256:999$x$${'ab'.repeat(32)}`, /1,000 iterations/],
    [`pbkdf2:sha256:600000$x$${'ab'.repeat(8)}`, /8 bytes/],
    [`pbkdf2:sha256:600000$x$${'ab'.repeat(65)}`, /65 bytes/],
    [`scrypt:524288:8:1$x$${'ab'.repeat(64)}`, /256 MiB/],
    [`scrypt:262144:8:5$x$${'ab'.repeat(64)}`, /1 GiB/],
    [`scrypt:2:1:999999$x$${'ab'.repeat(64)}`, /1 GiB/],
    [`scrypt:1000:8:1$x$${'ab'.repeat(64)}`, /cannot have these/],
    [scryptHash.replace('ln=10', 'ln=99'), /256 MiB/],
    [`$argon2id$v=19$m=262145,t=1,p=1$${salt}$${digest}`, /256 MiB/],
    [`$argon2id$v=19$m=65536,t=17,p=1$${salt}$${digest}`, /1 GiB/],
    [`$argon2id$v=19$m=1024,t=1,p=17$${salt}$${digest}`, /16 lanes/],
    [`$argon2id$v=19$m=8,t=1,p=2$${salt}$${digest}`, /cannot have these/],
    [`$argon2id$v=19$m=8,m=8,t=1$${salt}$${digest}`, /cannot have these/],
    [`$firebase-scrypt$v=1,n=19,r=8,p=1,sk=${'A'.repeat(86)}$${salt}$${'A'.repeat(86)}`, /256 MiB/],
    [`$firebase-scrypt$v=1,n=14,r=8,p=1,sk=${'A'.repeat(60)}$${salt}$${'A'.repeat(86)}`, /same length/],
    [`$P$Z12345678${'a'.repeat(22)}`, /2\^16 rounds/]
  ]
  for (const [hash, reason] of refused) {
    const began = performance.now()
    t.throws(() => formatOf(hash), { message: reason }, hash)
    t.ok(performance.now() - began < 50)
  }
  t.end()
})

t.test('a text of no known form is refused, and the reason does not repeat it', (t) => {
  const unknown = [
    '',
    'correct horse battery staple',
    'e10adc3949ba59abbe56e057f20f883e',
    '!unusable',
    `$2x$${bcryptHash.slice(4)}`,
    ` ${bcryptHash}`,
    `${bcryptHash}\n`,
    bcryptHash.slice(0, -1),
    '$6$rounds=5000$salt$hash',
    'sha1$salt$abcdef',
    `md5$$${'g'.repeat(32)}`,
    'pbkdf2:sha256$salt$abcdef',
    `$gatehouse-wrapped$md5$salt${bcryptHash}`,
    '$gatehouse-wrapped$sha3$salt$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA',
    '$flask-security$c2FsdA==$flask-security$c2FsdA==$2b$04$x'
  ]
  for (const text of unknown) t.throws(() => formatOf(text), { message: 'it has no known form' }, text)
  t.end()
})

t.test(
  'a password is compared as it is typed, too: another system did not compose its accents',
  async (t) => {
    const decomposed = 'cafe\u0301 au lait'
    const { default: bcrypt } = await import('bcrypt')
    const hash = await bcrypt.hash(decomposed, 4)
    t.equal(await hasher.verify(hash, decomposed), true)
    t.equal(await hasher.verify(await bcrypt.hash(decomposed.normalize('NFC'), 4), decomposed), true)
  }
)

t.test('bcrypt reads 72 bytes of a password, and does not end at a NUL', async (t) => {
  const { default: bcrypt } = await import('bcrypt')
  const hash = await bcrypt.hash('x'.repeat(72), 4)
  t.equal(await hasher.verify(hash, `${'x'.repeat(72)}anything`), true)
  t.equal(await hasher.verify(await bcrypt.hash('one', 4), 'one\0two'), false)
})

t.test('a comparison waits for its turn like every other hash', async (t) => {
  const narrow = await createPasswordHasher({ memoryKib: 1024, time: 2, parallelism: 1 }, 1)
  const comparisons = families.map((of) => vectors.find(({ family }) => family === of)?.hash ?? '')
  const stored = await Promise.all(comparisons.map((hash) => hasher.storable(hash)))
  const verified = Promise.all(stored.map((hash) => narrow.verify(hash, 'x')))
  t.strictSame(narrow.load(), { running: 1, waiting: stored.length - 1 })
  await verified
})

t.test(
  'a wrong password costs a dummy hash more, unless the stored hash is argon2id at the present cost',
  async (t) => {
    let hashes = 0
    const hashed = () => {
      hashes += 1
    }
    const cost = { memoryKib: 1024, time: 2, parallelism: 1 }
    const observed = await createPasswordHasher(cost, 2, { hashed, refused: () => {} })
    const costOf = async (hash: string | null) => {
      hashes = 0
      await observed.verify(hash, 'a wrong password')
      return hashes
    }
    const md5 = await hasher.storable(`md5$$${'a'.repeat(32)}`)
    t.equal(await costOf(null), 1)
    t.equal(await costOf(md5), 1)
    t.equal(await costOf(await hasher.hash('a good password')), 1)
    t.equal(await costOf(bcryptHash), 2)
    t.equal(await costOf(md5.replace('t=2', 't=1')), 2)
  }
)

t.test('the first sign-in with each kind of hash replaces it by argon2id', async (t) => {
  const { app, browser } = await build(t)
  for (const [n, family] of families.entries()) {
    const { hash = '', password = '' } = vectors.find((each) => each.family === family) ?? {}
    const email = `user${n}@example.com`
    const user = { ...newUser(email), passwordHash: await hasher.storable(hash) }
    await app.store.users.insert(user)
    const login = async (secret: string) =>
      (await browser().post('/auth/login', { email, password: secret })).status
    const hashNow = async () => (await app.store.users.find(user.id))?.passwordHash ?? ''

    t.equal(await login('wrong horse battery staple'), 401, family)
    t.notMatch(await hashNow(), /^\$argon2id\$v=19\$m=1024,p=1,t=2/, family)
    t.equal(await login(password), 200, family)
    t.match(await hashNow(), /^\$argon2id\$v=19\$m=1024,p=1,t=2/, family)
    t.equal(await login(password), 200, `${family}, again`)
  }
})
