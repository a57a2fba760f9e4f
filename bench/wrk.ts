import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One request, sent again and again. */
export interface Shot {
  url: string
  headers: Record<string, string>
  body: string
}

/** Why wrk cannot be used here. */
export const wrkMissing: string | false = spawnSync('wrk', ['--version']).error
  ? 'wrk is not installed'
  : false

/** POSTs a second over so many kept-alive connections, by wrk: a load that costs its own core little. */
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
