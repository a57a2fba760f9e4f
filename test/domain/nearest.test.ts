import t from 'tap'
import { nearest } from '../../domain/nearest.ts'

const names = ['users list', 'users show', 'users disable', 'users enable', 'backup', 'config', 'doctor']

t.test('a few wrong letters in each word are taken for typing mistakes', async (t) => {
  for (const [typed, meant] of [
    ['user list', 'users list'],
    ['users lsit', 'users list'],
    ['usres disabel', 'users disable'],
    ['users enabled', 'users enable'],
    ['bakup', 'backup'],
    ['conf', 'config'],
    ['docter', 'doctor']
  ] as const)
    t.equal(nearest(typed, names), meant, typed)
})

t.test('a word that resembles none is taken for none', async (t) => {
  for (const typed of ['', 'users', 'users foo', 'list users', 'frobnicate', 'backup list'])
    t.equal(nearest(typed, names), undefined, typed)
})
