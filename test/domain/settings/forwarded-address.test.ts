import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { clientAddress, createRanges, parseRange } from '../../../domain/settings/forwarded-address.ts'

const proxies = createRanges(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'])
const PROXY = '10.1.2.3'

/** The address, and how often the header held what is none. */
function read(forwardedFor: string | undefined, connection = PROXY): [string, number] {
  let rubbish = 0
  const address = clientAddress(connection, forwardedFor, proxies, () => {
    rubbish += 1
  })
  return [address, rubbish]
}

t.test('an address is read with and without a port, in one spelling', async (t) => {
  for (const [written, address] of [
    ['203.0.113.6', '203.0.113.6'],
    ['203.0.113.6:50000', '203.0.113.6'],
    ['  203.0.113.6 ', '203.0.113.6'],
    ['2a00::7', '2a00::7'],
    ['2A00:0::0:7', '2a00::7'],
    ['[2a00::7]', '2a00::7'],
    ['[2a00::7]:443', '2a00::7'],
    ['::ffff:203.0.113.6', '203.0.113.6'],
    ['[::ffff:203.0.113.6]:1', '203.0.113.6'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%any-text-at-all', 'fe80::1']
  ] as const)
    t.strictSame(read(written), [address, 0], written)
})

t.test('what is no address counts as the proxy that passed it on', async (t) => {
  for (const written of [
    'unknown',
    '_hidden',
    'garbage0',
    '"203.0.113.13"',
    '203.0.113.6:',
    '203.0.113.6:port',
    '203.0.113.6:123456',
    '203.0.113.256',
    '203.0.113',
    '0x7f.0.0.1',
    '010.0.0.1',
    '[203.0.113.6]:1',
    '[2a00::7',
    '2a00::7]:443',
    'a'.repeat(3000)
  ])
    t.strictSame(read(written), [PROXY, 1], written.slice(0, 20))
  t.strictSame(read('198.51.100.7, unknown, 10.9.9.9'), ['10.9.9.9', 1], 'the nearest that is an address')
})

t.test('trust ends at the first that is no proxy', async (t) => {
  t.strictSame(read('203.0.113.66, 198.51.100.7, 10.4.4.4'), ['198.51.100.7', 0])
  t.strictSame(read('garbage, 198.51.100.7:80'), ['198.51.100.7', 0], 'what is before it is not looked at')
  t.strictSame(read('198.51.100.7', '192.0.2.9'), ['192.0.2.9', 0], 'from anybody else it is not read')
  t.strictSame(read('198.51.100.7', '::ffff:10.1.2.3'), ['198.51.100.7', 0])
  t.strictSame(read(undefined, '::ffff:203.0.113.6'), ['203.0.113.6', 0])
  t.strictSame(read('10.4.4.4, 10.5.5.5'), ['10.4.4.4', 0], 'all of them proxies: the farthest')
  t.strictSame(
    [read(''), read(' , ,')],
    [
      [PROXY, 0],
      [PROXY, 0]
    ]
  )
})

t.test('whatever the header holds, what comes out is an address', async () => {
  const part = fc.oneof(fc.string({ maxLength: 20 }), fc.ipV4(), fc.ipV6(), fc.constantFrom(PROXY, '[', ':'))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => isIP(read(parts.join(','))[0]) !== 0),
    { numRuns: 5000 }
  )
})

t.test('a range is written out in full, or is none', async (t) => {
  for (const text of ['10.0.0.0/8', '10.0.0.1', '::1', 'fc00::/7', '0.0.0.0/0', '::ffff:10.0.0.0/104'])
    t.ok(parseRange(text), text)
  for (const text of [
    '10/8',
    '172.16/12',
    '010.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    'fe80::1%eth0',
    '::1/129',
    'loopback',
    ''
  ])
    t.equal(parseRange(text), undefined, text)
  t.ok(createRanges(['::ffff:10.0.0.0/104']).has('10.1.2.3'), 'mapped IPv4 is IPv4')
  t.notOk(createRanges(['::ffff:10.0.0.0/104']).has('11.1.2.3'))
})
