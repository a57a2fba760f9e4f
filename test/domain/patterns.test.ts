import t from 'tap'
import { build } from '../harness/build.ts'

/** As long as a body may be. */
const LENGTH = 30_000
/** Milliseconds of CPU. A pattern that backtracks takes seconds. */
const LIMIT = 100

/** Texts that match many patterns almost to the end, and fail there. */
const ALMOST = [
  'a',
  'A',
  '1',
  '-',
  '.',
  ' ',
  'a.',
  'a-',
  'a:',
  'a b',
  'a:b ',
  '1.',
  '%41',
  'é',
  '\u0300',
  '👑',
  'a@',
  '@a.'
].flatMap((unit) => {
  const text = unit.repeat(Math.floor(LENGTH / Buffer.byteLength(unit)))
  return [`${text}!`, `${text}\n`, `a@${text}!`, `x${text}@`]
})

/** Every pattern in a schema, wherever it stands. */
function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'pattern' && typeof inner === 'string' ? [inner] : patternsIn(inner)
  )
}

async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

t.test('text made to keep a pattern busy', async (t) => {
  const { app, browser } = await build(t)
  const patterns = [...new Set(patternsIn((await app.inject('/docs/json')).json()))]

  await t.test('keeps none of the API’s patterns busy', async (t) => {
    t.ok(patterns.length > 5, `${patterns.length} patterns`)
    for (const pattern of patterns) {
      const regexp = new RegExp(pattern, 'u')
      const spent = await cpuOf(() => ALMOST.map((text) => regexp.test(text)))
      t.ok(spent < LIMIT * 2, `${pattern}: ${Math.round(spent)} ms for ${ALMOST.length} texts`)
    }
  })

  await t.test('keeps no request busy that reads an address, a name or a token', async (t) => {
    await browser().post('/auth/login', { email: 'warm@example.com', password: 'x' })
    const slow: string[] = []
    for (const text of ALMOST) {
      const spent = await cpuOf(async () => {
        await browser().post('/auth/register', { email: text, password: 'x' })
        await browser().post('/auth/password/reset', { token: text, password: 'x' })
        await browser().get('/auth/me', { authorization: `Bearer ${text.replaceAll(/[^\x20-\x7e]/g, '')}` })
      })
      if (spent > LIMIT) slow.push(`${text.slice(0, 8)}: ${Math.round(spent)} ms`)
    }
    t.strictSame(slow, [])
  })
})
