import type { Browser } from '../../harness/browser.ts'
import { password, type TestApp } from '../../harness/build.ts'

/** Has an administrator create somebody with these roles, who chooses a password by the link; their id. */
export async function hire(administrator: Browser, email: string, roles: string[] = []): Promise<string> {
  const { status, body, text } = await administrator.post('/admin/users', { email, roles })
  if (status !== 201) throw new Error(`could not create ${email}: ${text}`)
  const { token } = body.passwordLink
  const chosen = await administrator.post('/auth/password/reset', { token, password })
  if (chosen.status !== 204) throw new Error(`could not choose a password for ${email}: ${chosen.text}`)
  return body.id
}

/** A browser in which this person has just signed in. */
export async function signIn(service: TestApp, email: string): Promise<Browser> {
  const window = service.browser()
  const { status, text } = await window.post('/auth/login', { email, password })
  if (status !== 200) throw new Error(`could not sign in ${email}: ${text}`)
  return window
}

/** A browser in which somebody with a new role of this scope has just signed in. */
export async function delegate(
  service: TestApp,
  administrator: Browser,
  name: string,
  scope: string
): Promise<Browser> {
  const { status, text } = await administrator.post('/admin/roles', { name, scope })
  if (status !== 201) throw new Error(`could not create role ${name}: ${text}`)
  await hire(administrator, `${name}@example.com`, [name])
  return signIn(service, `${name}@example.com`)
}

/** The id of whoever is signed in here. */
export async function idOf(window: Browser): Promise<string> {
  return (await window.get('/auth/me')).body.user.id
}

/** Walks a list to its end; each page's items. */
export async function readPages(window: Browser, url: string, limit: number): Promise<unknown[][]> {
  const pages: unknown[][] = []
  let cursor: string | null = null
  do {
    const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { status, body, text } = await window.get(
      `${url}${url.includes('?') ? '&' : '?'}limit=${limit}${next}`
    )
    if (status !== 200) throw new Error(`could not read ${url}: ${text}`)
    pages.push(body.items)
    cursor = body.nextCursor
  } while (cursor !== null && pages.length < 100)
  return pages
}
