import fc from 'fast-check'
import t from 'tap'
import { normaliseEmail } from '../../../domain/accounts/email-address.ts'

t.test('case, Unicode form and surrounding space make no second account', async (t) => {
  const forms: Array<[string, string]> = [
    ['Ada@Example.COM', 'ada@example.com'],
    ['  ada@example.com\n', 'ada@example.com'],
    ['jose\u0301@example.com', 'jos\u00e9@example.com'],
    ['JOS\u00c9@EXAMPLE.com', 'jos\u00e9@example.com'],
    ['ａｄａ@example.com', 'ada@example.com'],
    ['ada＠example.com', 'ada@example.com'],
    ['ada@ｅxample.com', 'ada@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@XN--BCHER-KVA.example', 'ada@xn--bcher-kva.example'],
    ['ada@example。com', 'ada@example.com'],
    ['a.b+c_d@example.com', 'a.b+c_d@example.com'],
    ['ada@localhost', 'ada@localhost']
  ]
  for (const [written, normal] of forms) t.equal(normaliseEmail(written), normal, written)
})

t.test('a dot and a tag in the local part are part of the address', async (t) => {
  const addresses = ['ada@example.com', 'a.da@example.com', 'ada+news@example.com']
  t.equal(new Set(addresses.map(normaliseEmail)).size, addresses.length)
})

t.test('what is no address is none', async (t) => {
  const wrong = [
    '',
    'ada',
    '@example.com',
    'ada@',
    'a b@example.com',
    'ada@exa mple.com',
    'ada@example..com',
    'ada@.example.com',
    '"ada"@example.com',
    'ada@evil@example.com',
    'ada@example.com,eve@example.com',
    '<ada@example.com>',
    'ada\u0000@example.com',
    'ada\u200b@example.com',
    'ada\r\nbcc:eve@example.com',
    'ada@[127.0.0.1]',
    'ada@exa_mple.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.com`
  ]
  for (const text of wrong) t.equal(normaliseEmail(text), undefined, JSON.stringify(text))
})

t.test('the normal form is its own normal form, for any text', async () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.emailAddress(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(text, fc.constantFrom('', '@example.com', '@Bücher.example'), (local, domain) => {
      const once = normaliseEmail(local + domain)
      return once === undefined || normaliseEmail(once) === once
    }),
    { numRuns: 3000 }
  )
})

t.test('upper and lower case of one address are one account, for any address', async () => {
  fc.assert(
    fc.property(
      fc.emailAddress(),
      (address) => normaliseEmail(address.toUpperCase()) === normaliseEmail(address)
    ),
    { numRuns: 1000 }
  )
})

t.test('what only reads like an address is none, least of all somebody else’s', async (t) => {
  for (const text of [
    'ada@example.com/evil',
    'ada@example.com?x',
    'ada@example.com#x',
    'ada@example.com\\x',
    'ada@exa%6dple.com',
    'ada@example.com:25',
    'ada@[127.0.0.1]',
    'ada@127.0.0.1',
    'ada@1',
    'ada@exam\tple.com'
  ]) {
    t.equal(normaliseEmail(text), undefined, text)
  }
})
