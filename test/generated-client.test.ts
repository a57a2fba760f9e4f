import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import openapiTypescript, { astToString } from 'openapi-typescript'
import t, { type Test } from 'tap'
import { build, password } from './harness/build.ts'

const packages = fileURLToPath(new URL('../node_modules', import.meta.url))
const TSC = join(packages, 'typescript/bin/tsc')

const compilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  target: 'es2024',
  lib: ['es2024', 'dom'],
  types: [],
  module: 'nodenext'
}

/** A program that uses the generated types. Each `@ts-expect-error` must mark an error. */
const PROGRAM = `import createClient from 'openapi-fetch'
import type { components, operations, paths } from './gatehouse.js'

type User = components['schemas']['User']
export const connect = (baseUrl: string) => createClient<paths>({ baseUrl })
const client = connect('https://auth.example.com')

export async function signIn(client: ReturnType<typeof connect>, email: string, password: string): Promise<User> {
  const { data, error } = await client.POST('/auth/login', { body: { email, password, remember: true } })
  if (data) return data.user
  throw new Error(error.code === 'invalid_credentials' ? 'wrong password' : error.title)
}

export async function users(cursor = ''): Promise<User[]> {
  const { data } = await client.GET('/admin/users', { params: { query: { cursor, limit: 200 } } })
  if (!data) return []
  return data.nextCursor === null ? data.items : [...data.items, ...(await users(data.nextCursor))]
}

export async function rename(id: string): Promise<string | null | undefined> {
  const { data } = await client.PATCH('/admin/users/{id}', { params: { path: { id } }, body: { name: null } })
  return data?.warnings?.[0]?.code ?? data?.name
}

export async function token(scope: string): Promise<string> {
  const { data, error } = await client.POST('/oauth/token', { body: { grant_type: 'client_credentials', scope } })
  if (error?.error === 'invalid_scope') return ''
  return data?.access_token ?? ''
}

type Refused = operations['login']['responses'][401]['content']['application/problem+json']
export const code: Refused['code'] = 'weak_password'

// @ts-expect-error: there is no such code.
export const unknown: Refused['code'] = 'wrong_password'
// @ts-expect-error: a user has no password.
export const secret = (user: User) => user.password
// @ts-expect-error: the password is missing.
export const incomplete = () => client.POST('/auth/login', { body: { email: 'ada@example.com' } })
// @ts-expect-error: there is no such endpoint.
export const nowhere = () => client.GET('/auth/nowhere')
`

/** Writes the program and the types that openapi-typescript makes of a document. Returns their folder. */
async function writeProgram(t: Test, document: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-client-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await symlink(packages, join(folder, 'node_modules'))
  await writeFile(join(folder, 'gatehouse.ts'), astToString(await openapiTypescript(document)))
  await writeFile(join(folder, 'program.ts'), PROGRAM)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  return folder
}

t.test('a client generated from the reference', async (t) => {
  const { app, signUp } = await build(t)
  const folder = await writeProgram(t, (await app.inject('/docs/json')).body)

  t.test('compiles with a strict program', async (t) => {
    const complaints = await promisify(execFile)(process.execPath, [TSC, '-p', folder]).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout
    )
    t.equal(complaints, '')
  })

  t.test('signs in, and reads the code of a refusal', async (t) => {
    await signUp()
    const { connect, signIn } = await import(join(folder, 'program.ts'))
    const client = connect(await app.listen({ host: '127.0.0.1', port: 0 }))
    t.match(await signIn(client, 'ada@example.com', password), { email: 'ada@example.com', roles: ['user'] })
    await t.rejects(signIn(client, 'ada@example.com', 'not her password'), { message: 'wrong password' })
  })
})
