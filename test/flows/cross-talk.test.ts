import t from 'tap'
import { build } from '../harness/build.ts'
import { engines } from '../harness/engines.ts'

const PEOPLE = 20
const ROUNDS = 5

for (const engine of engines) {
  t.test(`${PEOPLE * ROUNDS} requests at once on ${engine.name}`, { skip: engine.missing }, async (t) => {
    const service = await build(t, { engine })
    const names = Array.from({ length: PEOPLE }, (_, index) => `person${index}`)
    const people = await Promise.all(
      names.map(async (name) => ({ name, window: await service.signUp(`${name}@example.com`) }))
    )
    const everyone = Array.from({ length: ROUNDS }, () => people).flat()

    await t.test('show each person their own account and sessions', async (t) => {
      const answers = await Promise.all(
        everyone.flatMap(({ name, window }) =>
          ['/auth/me', '/auth/sessions', '/auth/csrf'].map(async (path) => ({
            name,
            path,
            answer: await window.get(path)
          }))
        )
      )
      t.strictSame(new Set(answers.map(({ answer }) => answer.status)), new Set([200]))
      for (const { name, answer } of answers.filter(({ path }) => path === '/auth/me'))
        t.equal(answer.body.user.email, `${name}@example.com`)
      for (const path of ['/auth/sessions', '/auth/csrf']) {
        const bodies = answers
          .filter((each) => each.path === path)
          .map(({ name, answer }) => [name, answer.text])
        const byPerson = new Map(bodies.map(([name, text]) => [name, text]))
        t.equal(new Set(byPerson.values()).size, PEOPLE, `${path} is of one person`)
        t.ok(
          bodies.every(([name, text]) => byPerson.get(name as string) === text),
          'and the same each time'
        )
      }
    })

    await t.test('answer each with its own fault and its own id', async (t) => {
      const answers = await Promise.all(
        everyone.map(async ({ name, window }, index) => ({
          field: `${name}_${index}`,
          answer: await window.patch('/auth/me', { name, [`${name}_${index}`]: 1 })
        }))
      )
      for (const { field, answer } of answers) {
        t.strictSame(
          answer.body.errors.map(({ pointer }: { pointer: string }) => pointer),
          [`/${field}`]
        )
        t.equal(answer.body.requestId, answer.headers['x-request-id'])
      }
      t.equal(new Set(answers.map(({ answer }) => answer.body.requestId)).size, everyone.length)
    })
  })
}
