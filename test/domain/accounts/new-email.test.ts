import fc from 'fast-check'
import t from 'tap'
import { normaliseEmail } from '../../../domain/accounts/email-address.ts'
import { requireNewEmail } from '../../../domain/accounts/new-email.ts'

function isTaken(address: string): boolean {
  try {
    requireNewEmail(address)
    return true
  } catch (error) {
    if ((error as { code: string }).code === 'invalid_request') return false
    throw error
  }
}

t.test('addresses that people have are taken', async (t) => {
  for (const address of [
    'ada@example.com',
    'a.b+c_d@example.com',
    "o'brien!#$%&*/=?^`{|}~-@example.com",
    'ada@localhost',
    'josé.garcía@example.com',
    'björk@bücher.example',
    'straße@example.com',
    'łukasz@example.com',
    'пользователь@example.com',
    'мама@example.com',
    'χρήστης@example.com',
    '用户@例子.example',
    'yamada太郎@example.com',
    'たなかtaro@example.com',
    '홍길동@example.com',
    'उपयोगकर्ता@example.com',
    'مستخدم@example.com',
    `${'a'.repeat(64)}@example.com`,
    `ada@${'a'.repeat(63)}.com`
  ])
    t.ok(isTaken(address), address)
})

t.test('what is invisible, or looks like a blank, is in no new address', async (t) => {
  for (const code of [0x34f, 0xfe0f, 0x3164, 0x115f, 0x1160, 0x2800, 0x180e, 0xad, 0x200d, 0x2060, 0xe0001]) {
    const address = `ro${String.fromCodePoint(code)}ot@example.com`
    t.notOk(isTaken(address), `U+${code.toString(16)}`)
  }
  const anything = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code))
  fc.assert(
    fc.property(anything, (character) => {
      return !/\p{Default_Ignorable_Code_Point}/u.test(character) || !isTaken(`ro${character}ot@example.com`)
    }),
    { numRuns: 5000 }
  )
})

t.test('dots stand alone, between other characters', async (t) => {
  for (const local of ['.root', 'root.', 'ro..ot', '.', 'a.b..c'])
    t.notOk(isTaken(`${local}@example.com`), local)
})

t.test('symbols and pictures are in no new address', async (t) => {
  for (const local of ['root→', '👑', 'ro·ot', '\u0301root', 'ᄀᄀ'])
    t.notOk(isTaken(`${local}@example.com`), local)
})

t.test('a domain is made of labels as DNS has them', async (t) => {
  for (const domain of [
    '-foo-.com',
    '-foo.com',
    'foo-.com',
    'foo.-com',
    'xn--a.com',
    'xn--.test',
    'xn--abc-.com',
    'mail.xn--a.com',
    `${'a'.repeat(64)}.com`,
    `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}.com`
  ])
    t.notOk(isTaken(`ada@${domain}`), domain)
})

t.test('the part before @ is 64 octets at most, the whole 254', async (t) => {
  t.ok(isTaken(`${'é'.repeat(32)}@example.com`))
  t.notOk(isTaken(`${'é'.repeat(33)}@example.com`))
  t.notOk(isTaken(`${'👑'.repeat(64)}@example.com`))
  const domain = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(57)}.com`
  t.equal(domain.length, 189)
  t.ok(isTaken(`${'a'.repeat(64)}@${domain}`))
  t.notOk(isTaken(`${'a'.repeat(64)}@a${domain}`))
})

t.test(
  'an address that reads like another is refused: mixed alphabets, and letters that look like Latin ones',
  async (t) => {
    for (const local of [
      'rооt',
      'аdmin',
      'pаypal',
      'αdmin',
      'аре',
      'сосо',
      'ехо',
      'admın',
      'ɡoogle',
      'ɑda',
      'ada太rúсский',
      'αб',
      'հօ'
    ])
      t.notOk(isTaken(`${local}@example.com`), local)
  }
)

t.test('what is taken is a normal spelling, for any text', async () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.emailAddress(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, fc.constantFrom('', '@example.com', '@Bücher.example'), (local, domain) => {
      if (!isTaken(local + domain)) return true
      return requireNewEmail(local + domain) === normaliseEmail(local + domain)
    }),
    { numRuns: 3000 }
  )
})
