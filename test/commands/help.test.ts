import t from 'tap'
import { helpFor, unknownCommand } from '../../commands/help.ts'

t.test('an unknown command names the nearest one, and lists what may be meant', async (t) => {
  for (const [typed, message, listed] of [
    ['user list', 'There is no command user list. Did you mean users list?', ['users', 'list']],
    ['user', 'There is no command user. Did you mean users?', ['users']],
    ['bakup file.db', 'There is no command bakup file.db. Did you mean backup?', ['backup']],
    ['users lsit --json', 'There is no command users lsit. Did you mean users list?', ['users', 'list']],
    ['users frobnicate', 'There is no command users frobnicate', ['users']],
    ['frobnicate', 'There is no command frobnicate', []]
  ] as const)
    t.equal(unknownCommand(typed.split(' ')), `${message}\n\n${helpFor([...listed])}`, typed)
})

t.test('there is no help for what is no command', async (t) => {
  for (const words of [['user'], ['users', 'li'], ['--json']])
    t.equal(helpFor(words), undefined, words.join(' '))
})
