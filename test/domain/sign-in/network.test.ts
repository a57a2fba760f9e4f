import t from 'tap'
import { networkOf } from '../../../domain/sign-in/network.ts'

t.test('the network of an IPv4 address is its /24', async (t) => {
  t.equal(networkOf('192.0.2.7'), '192.0.2.0/24')
  t.equal(networkOf('192.0.2.255'), networkOf('192.0.2.0'))
  t.not(networkOf('192.0.3.7'), networkOf('192.0.2.7'))
})

t.test('the network of an IPv6 address is its /64, however it is written', async (t) => {
  const network = '2001:db8:0:7::/64'
  for (const address of [
    '2001:db8:0:7::1',
    '2001:DB8:0000:0007:0000:0000:0000:0001',
    '2001:db8:0:7:ffff:ffff:ffff:ffff',
    '2001:db8::7:1:2:3:4',
    '2001:db8:0:7::192.0.2.7',
    '2001:db8:0:7::1%eth0'
  ]) {
    t.equal(networkOf(address), network, address)
  }
  t.not(networkOf('2001:db8:0:8::1'), network)
  t.equal(networkOf('::1'), '0:0:0:0::/64')
  t.equal(networkOf('::'), '0:0:0:0::/64')
})

t.test('an IPv4 address inside an IPv6 one is the IPv4 client', async (t) => {
  for (const address of ['::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.9'])
    t.equal(networkOf(address), '192.0.2.0/24', address)
})

t.test('what is no address is a network by itself', async (t) => {
  for (const text of ['', 'unknown', '192.0.2', '192.0.2.7:443', '1:2', '[::1]', '::1%']) {
    t.doesNotThrow(() => networkOf(text), text)
  }
  t.equal(networkOf('unknown'), 'unknown')
})
