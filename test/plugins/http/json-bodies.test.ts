import t from 'tap'
import { build } from '../../harness/build.ts'

const json = { 'content-type': 'application/json' }

t.test('JSON that two parsers might read in two ways', async (t) => {
  const { browser, signUp } = await build(t)
  const ada = await signUp()
  const rename = (body: string | Buffer) => ada.clone().patch('/auth/me', body, json)
  const nameOf = async () => {
    await ada.post('/auth/refresh')
    return (await ada.get('/auth/me')).body.user.name
  }

  await t.test('the last of two equal fields counts, as in JavaScript', async (t) => {
    t.equal((await rename('{"name":"First","name":"Second"}')).status, 200)
    t.equal(await nameOf(), 'Second')
    t.equal((await rename('{"name":"First","n\\u0061me":"Third"}')).status, 200)
    t.equal(await nameOf(), 'Third')
    t.equal((await rename('{"name":"First","name":["a list"]}')).status, 400)
  })

  await t.test('a field in other letters, or with a blank, is unknown', async (t) => {
    for (const body of [
      '{"Name":"x"}',
      '{"NAME":"x"}',
      '{" name":"x"}',
      '{"name\\u0000":"x"}',
      '{"nаme":"x"}'
    ])
      t.equal((await rename(body)).status, 400, body)
    t.equal(await nameOf(), 'Third')
  })

  await t.test('what only some parsers take is refused', async (t) => {
    for (const body of [
      "{'name':'x'}",
      '{name:"x"}',
      '{"name":"x",}',
      '{"name":"x"}x',
      '{"name":"x"}{"name":"y"}',
      '{"name":"x"/* a comment */}',
      '{"name":"x"} // a comment',
      '{"name":"\t"}',
      '{"name":"\\x41"}',
      '{"name":NaN}',
      '{"name":+1}',
      '{"name":01}'
    ])
      t.equal((await rename(body)).status, 400, body)
    t.equal((await rename(Buffer.from('{"name":"x"}', 'utf16le'))).status, 400, 'UTF-16')
    t.equal(await nameOf(), 'Third')
  })

  await t.test('a number, however large, is no text', async (t) => {
    for (const number of ['9007199254740993', '1e400', '-0', '1'.repeat(400)])
      t.equal((await rename(`{"name":${number}}`)).status, 400, number)
  })

  await t.test('no name of a field reaches a prototype', async (t) => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const body = `{"${name}":{"roles":["admin"],"disabled":false},"name":"x"}`
      t.equal((await rename(body)).status, 400, name)
      t.ok((await ada.get(`/auth/sessions?${name}=x`)).status === 400, `${name} in the address`)
    }
    t.strictSame((await ada.get('/auth/me')).body.roles, ['user'])
    t.equal(({} as { roles?: unknown }).roles, undefined)
    t.equal((await browser().get('/livez')).status, 200)
  })
})
