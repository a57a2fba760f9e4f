import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Teardown } from '../harness/build.ts'
import { eventually } from './tokens.ts'

/** Runs a service of somebody else's in a process of its own until the test is over; the first JSON that it prints. */
export async function startConsumer(
  t: Teardown,
  folder: string,
  script: string,
  env: Record<string, string>,
  node = process.execPath
) {
  const child = spawn(node, [script], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await exited
  })
  const ended = exited.then(([code]) => Promise.reject(new Error(`${script} ended with ${code}`)))
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])
  ended.catch(() => {})
  return JSON.parse(line)
}

/** Runs a service until the test is over. Resolves when it answers at the address. `output` returns what it printed so far. */
export async function startScript(t: Teardown, folder: string, script: string, address: string) {
  const child = spawn(process.execPath, [script], { cwd: folder, env: { PATH: process.env.PATH } })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill()
    await exited
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => {
      printed += part
    })
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}: ${printed}`)
    return fetch(address).then(
      () => true,
      () => false
    )
  }, 20_000)
  return { output: () => printed }
}
