import { once } from 'node:events'
import { createWriteStream, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { FastifyInstance } from 'fastify'
import { recordOf } from '../../domain/import/record.ts'
import { type Command, UsageError } from '../command.ts'
import { withCore } from '../with-core.ts'

const PAGE = 200

/** `gatehouse users export`: writes all accounts as `users import` reads them. */
export const usersExport: Command = {
  name: 'users export',
  usage: '[--with-hashes] [FILE]',
  summary:
    'write all accounts, one JSON object a line, to a new file or to standard output; --with-hashes adds the password hashes',
  words: 1,
  options: { 'with-hashes': { type: 'boolean' } },
  async run(values, [file]) {
    const withHashes = values['with-hashes'] === true
    if (file === undefined && values.json) throw new UsageError('--json needs FILE: the accounts are JSON')
    if (file !== undefined && existsSync(file))
      throw new Error(`${file} exists already: an export is written to a new file`)
    if (file !== undefined && !existsSync(dirname(file)))
      throw new Error(`There is no folder ${dirname(file)}`)
    return withCore(async (app) => {
      const pages = pagesOf(app, withHashes)
      const accounts = file === undefined ? await print(pages) : await write(pages, file)
      const text = file === undefined ? '' : `${file}: ${accounts} accounts, readable by its owner alone.`
      return { text, json: { file, accounts, withHashes } }
    })
  }
}

interface Written {
  text: string
  accounts: number
}

async function* pagesOf({ store }: FastifyInstance, withHashes: boolean): AsyncGenerator<Written> {
  let after: string | undefined
  do {
    const users = await store.users.list({ limit: PAGE, after })
    const text = users.map((user) => `${JSON.stringify(recordOf(user, withHashes))}\n`).join('')
    yield { text, accounts: users.length }
    after = users.length < PAGE ? undefined : users.at(-1)?.id
  } while (after !== undefined)
}

async function print(pages: AsyncIterable<Written>): Promise<number> {
  let total = 0
  for await (const { text, accounts } of pages) {
    // A reader such as `head` closes the pipe when it has enough.
    if (!process.stdout.write(text)) await once(process.stdout, 'drain').catch(unlessClosed)
    if (process.stdout.destroyed) break
    total += accounts
  }
  return total
}

function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

async function write(pages: AsyncIterable<Written>, file: string): Promise<number> {
  let total = 0
  const texts = async function* () {
    for await (const { text, accounts } of pages) {
      total += accounts
      yield text
    }
  }
  try {
    await pipeline(texts, createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }))
  } catch (error) {
    // Another process may have made the file first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true })
    throw error
  }
  return total
}
