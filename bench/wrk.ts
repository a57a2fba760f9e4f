import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A request that is sent again and again. */
export interface Shot {
  url: string
  headers: Record<string, string>
  body: string
}

/** The reason why wrk cannot be used, or false. */
export const wrkMissing: string | false = spawnSync('wrk', ['--version']).error
  ? 'wrk is not installed'
  : false

/** Returns POSTs per second on kept-alive connections. Uses wrk, because it needs little CPU itself. */
export async function postRate({ url, headers, body }: Shot, connections: number, seconds: number) {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  const script = join(folder, 'post.lua')
  const lines = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${quote(name)}] = ${quote(value)}`
  )
  await writeFile(script, ['wrk.method = "POST"', `wrk.body = ${quote(body)}`, ...lines].join('\n'))
  try {
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url]
    const { stdout } = await promisify(execFile)('wrk', args)
    const wrong = /Non-2xx[^\n]*|Socket errors[^\n]*/.exec(stdout)
    if (wrong) throw new Error(`${url}: ${wrong[0]}`)
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function quote(text: string): string {
  return JSON.stringify(text)
}
