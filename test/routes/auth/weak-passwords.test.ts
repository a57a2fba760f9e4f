import { dictionary } from '@zxcvbn-ts/language-common'
import t from 'tap'
import { build } from '../../harness/build.ts'
import { refusal, refusalOf } from '../../harness/refusal.ts'

const TOO_SHORT = { code: 'too_short', detail: 'Use 12 characters or more.' }
const TOO_LONG = { code: 'too_long', detail: 'Use 128 characters or fewer.' }
const TOO_COMMON = { code: 'too_common', detail: 'This password is among the first that are tried.' }
const TOO_GUESSABLE = {
  code: 'too_guessable',
  detail: 'This password is easy to guess. A few unrelated words make a good one.'
}

t.test('a weak password answers 422 with the reason', async (t) => {
  const gatehouse = await build(t)
  const register = (password: string, name?: string) =>
    gatehouse.browser().post('/auth/register', { email: 'grace.hopper@navy.example', password, name })

  await t.test('too short or too long, counted in code points', async (t) => {
    const cases = [
      ['kT9#vq!Lm2x', TOO_SHORT],
      ['👑🦊🌊🔥🐍🍄🎲🎻🚀🧲🪐', TOO_SHORT],
      [`${'kT9#vq!Lm2x '.repeat(10)}123456789`, TOO_LONG],
      ['👑'.repeat(129), TOO_LONG]
    ] as const
    for (const [password, reason] of cases) {
      const errors = [{ pointer: '/password', ...reason }]
      t.strictSame(refusalOf(await register(password)), refusal(422, 'weak_password', { errors }), password)
    }
  })

  await t.test('common or easy to guess', async (t) => {
    const cases = [
      ['qwertyuiop123', undefined],
      ['password1234', undefined],
      ['aaaaaaaaaaaaaaaa', TOO_GUESSABLE],
      ['abcdefghijklmnop', TOO_GUESSABLE],
      ['123412341234', undefined],
      ['111111111111', undefined]
    ] as const
    for (const [password, reason] of cases) {
      const { status, body, cookies } = await register(password)
      t.strictSame([status, body.code, cookies], [422, 'weak_password', []], password)
      if (reason) t.strictSame(body.errors, [{ pointer: '/password', ...reason }], password)
    }
  })

  await t.test('made of the account’s or the service’s own words', async (t) => {
    const passwords = [
      'grace.hopper@navy.example',
      'GRACE.HOPPER@navy.example',
      'gracehopper1',
      'GraceHopper2026',
      'navy.example1',
      'gatehouse1234',
      'Gatehouse2026!'
    ]
    for (const password of passwords) {
      const { status, body } = await register(password, 'Grace Hopper')
      t.strictSame([status, body.code], [422, 'weak_password'], password)
    }
    const { status } = await register('Brewster1906', 'Grace Brewster')
    t.equal(status, 422, 'and of the name')
  })

  await t.test('every one of the commonest that is long enough', async (t) => {
    const long = (dictionary['passwords-common'] as string[]).filter((each) => [...each].length >= 12)
    const commonest = long.slice(0, 3000)
    t.comment(`${commonest.length} of ${long.length} common passwords of 12 characters or more`)
    t.ok(commonest.length > 100)
    const accepted: string[] = []
    for (const password of commonest.flatMap((each) => [each, each.toUpperCase()])) {
      const { status, body } = await register(password)
      if (status !== 422 || body.errors[0].code !== TOO_COMMON.code) accepted.push(password)
    }
    t.strictSame(accepted, [])
  })
})

t.test('whatever characters a long enough password is made of, it is accepted', async (t) => {
  const gatehouse = await build(t)
  const passwords = [
    'kT9#vq!Lm2xZ',
    'correct horse battery staple',
    'zwölf Boxkämpfer jagen Eva',
    'пятнадцать зелёных слонов',
    '十二匹の猫が屋根の上で眠る夜',
    '👑🦊🌊🔥🐍🍄🎲🎻🚀🧲🪐🧵',
    'tab\there and "quotes" \\ too',
    `${'kT9#vq!Lm2x '.repeat(10)}12345678`
  ]
  for (const [index, password] of passwords.entries()) {
    const credentials = { email: `user${index}@example.com`, password }
    t.equal((await gatehouse.browser().post('/auth/register', credentials)).status, 201, password)
    t.equal((await gatehouse.browser().post('/auth/login', credentials)).status, 200, password)
  }
})

t.test('AUTH_PASSWORD_MIN_LENGTH says what is long enough', async (t) => {
  const gatehouse = await build(t, { env: { AUTH_PASSWORD_MIN_LENGTH: '20' } })
  const register = (password: string) =>
    gatehouse.browser().post('/auth/register', { email: 'ada@example.com', password })
  const errors = [{ pointer: '/password', code: 'too_short', detail: 'Use 20 characters or more.' }]
  t.strictSame(refusalOf(await register('kT9#vq!Lm2xZ-Rw7$pB')), refusal(422, 'weak_password', { errors }))
  t.equal((await register('kT9#vq!Lm2xZ-Rw7$pBn')).status, 201)
})
