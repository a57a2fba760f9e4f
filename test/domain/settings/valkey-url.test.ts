import t from 'tap'
import { parseValkeyUrl } from '../../../domain/settings/valkey-url.ts'

const plain = { db: 0, isEncrypted: false, family: 0 }
const SPECIAL = `p:a@s/s?w#o%r&d [,]+"'\\ü`

const meant: Record<string, object> = {
  'redis://host': { ...plain, place: { host: 'host', port: 6379 } },
  'redis://host/': { ...plain, place: { host: 'host', port: 6379 } },
  'redis://my_host:6380/2': { ...plain, place: { host: 'my_host', port: 6380 }, db: 2 },
  'redis://[::1]:6380?family=6&db=2': { ...plain, place: { host: '::1', port: 6380 }, db: 2, family: 6 },
  'rediss://u:p@host': {
    ...plain,
    place: { host: 'host', port: 6379 },
    username: 'u',
    password: 'p',
    isEncrypted: true
  },
  'unix:///run/valkey.sock': { ...plain, place: { path: '/run/valkey.sock' } },
  'unix://u:p@/run/my%20valkey.sock?db=2': {
    ...plain,
    place: { path: '/run/my valkey.sock' },
    username: 'u',
    password: 'p',
    db: 2
  },
  'redis+sentinel://:p@a,b:1,[::1]:2/main/3?sentinel_username=s&sentinel_password=%26%2B%25': {
    ...plain,
    password: 'p',
    db: 3,
    place: {
      sentinels: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 1 },
        { host: '::1', port: 2 }
      ],
      name: 'main',
      login: { username: 's', password: '&+%' }
    }
  },
  'rediss+sentinel://a/main': {
    ...plain,
    isEncrypted: true,
    place: { sentinels: [{ host: 'a', port: 26379 }], name: 'main', login: {} }
  }
}

t.test('each form is read as it is meant', async (t) => {
  for (const [url, address] of Object.entries(meant)) t.strictSame(parseValkeyUrl(url), address, url)
})

t.test('user and password may have every character, percent-encoded', async (t) => {
  const login = `${encodeURIComponent(SPECIAL)}:${encodeURIComponent(SPECIAL)}`
  for (const form of ['redis://LOGIN@host', 'redis+sentinel://LOGIN@a,b/main', 'unix://LOGIN@/run/x.sock'])
    t.match(parseValkeyUrl(form.replace('LOGIN', login)), { username: SPECIAL, password: SPECIAL }, form)
})

t.test('a fault quotes nothing of the URL', async (t) => {
  const broken = [
    'redis://:hunter2@',
    'redis://:hunter2',
    'redis+sentinel://:hunter2@a',
    'unix://:hunter2@b/c'
  ]
  for (const url of [...broken, 'redis://h?hunter2=1', 'redis://h?db=hunter2', 'redis://:hunter2%zz@h'])
    t.throws(() => parseValkeyUrl(url), { message: /^(?!.*hunter2)/ }, url)
})
