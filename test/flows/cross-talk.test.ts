import t from 'tap'
import type { Answer } from '../harness/browser.ts'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const PEOPLE = 20
const ROUNDS = 10
const PATHS = ['/auth/me', '/auth/sessions', '/auth/csrf']

for (const engine of engines) {
  t.test(`${PEOPLE} people at once on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, async (_, index) => {
        const email = `person${index}@example.com`
        return { email, window: await service.signUp(email) }
      })
    )

    await t.test('show each person their own account and sessions', async (t) => {
      const seen = new Map<string, Set<string>>()
      const note = (key: string, { status, text }: Answer) =>
        seen.set(key, (seen.get(key) ?? new Set()).add(`${status} ${text}`))
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(
          people.map(async ({ email, window }) => {
            for (const path of PATHS) note(`${path} ${email}`, await window.get(path))
            t.equal((await window.get('/auth/me')).body.user.email, email)
          })
        )
      }
      for (const [key, replies] of seen) t.equal(replies.size, 1, `${key} is the same each time`)
      const different = new Set([...seen.values()].flatMap((replies) => [...replies]))
      t.equal(different.size, PEOPLE * PATHS.length, 'and of one person alone')
    })

    await t.test('answer each with its own fault and its own id', async (t) => {
      const ids = new Set<string>()
      await Promise.all(
        Array.from({ length: PEOPLE * ROUNDS }, async (_, index) => {
          const { window } = people[index % PEOPLE] as (typeof people)[number]
          const { headers, body } = await window.patch('/auth/me', { name: 'x', [`field${index}`]: 1 })
          const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer)
          t.strictSame(pointers, [`/field${index}`])
          t.equal(body.requestId, headers['x-request-id'])
          ids.add(body.requestId)
        })
      )
      t.equal(ids.size, PEOPLE * ROUNDS)
    })
  })
}
