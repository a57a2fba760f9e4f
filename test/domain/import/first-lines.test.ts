import t from 'tap'
import { FirstLines } from '../../../domain/import/first-lines.ts'

t.test('an address is found again on the line where it was first, however many there are', (t) => {
  const lines = new FirstLines()
  const emailOf = (line: number) => `user${line}@example.com`
  const numbers = Array.from({ length: 20_000 }, (_, n) => n + 1)
  t.ok(numbers.every((line) => lines.note(emailOf(line), line) === undefined))
  t.ok(numbers.every((line) => lines.note(emailOf(line), 99_999) === line))
  t.end()
})
