import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Teardown } from '../build.ts'
import type { Run } from './image.ts'

export const PROJECT = fileURLToPath(new URL('../../../', import.meta.url))
const LEFT_OUT = ['.git', '.tap', 'data', 'node_modules', 'test', 'bench', 'coverage']

/** A folder that goes with the test. */
export function newFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-files-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A copy of the files in which `text` of one of them is replaced. */
export function doctored(t: Teardown, file: string, text: string, replacement: string): string {
  const folder = newFolder(t)
  for (const name of readdirSync(PROJECT).filter((each) => !LEFT_OUT.includes(each)))
    cpSync(join(PROJECT, name), join(folder, name), { recursive: true })
  const content = readFileSync(join(folder, file), 'utf8')
  if (!content.includes(text)) throw new Error(`${file} does not hold ${text}`)
  writeFileSync(join(folder, file), content.replace(text, replacement))
  return folder
}

/** For what is said of the files alone: RUN lines leave a trace of what they would have installed, nothing more. */
export const installNothing: Run = async ({ root }) => {
  await mkdir(join(root, 'app/node_modules'), { recursive: true })
  await writeFile(join(root, 'app/node_modules/.package-lock.json'), '{}')
}
