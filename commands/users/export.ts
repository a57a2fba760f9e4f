import type { FastifyInstance } from 'fastify'
import { recordOf } from '../../domain/import/record.ts'
import { type Command, UsageError } from '../command.ts'
import { withCore } from '../with-core.ts'
import { writeLines } from '../write-lines.ts'

const PAGE = 200

/** `gatehouse users export`: writes all accounts as `users import` reads them. */
export const usersExport: Command = {
  name: 'users export',
  usage: '[--with-hashes] [FILE]',
  summary:
    'write all accounts, one JSON object a line, to a new file or to standard output; --with-hashes adds the password hashes',
  words: 1,
  options: { 'with-hashes': { type: 'boolean' } },
  async run(values, [file], { stdout }) {
    const withHashes = values['with-hashes'] === true
    if (file === undefined && values.json) throw new UsageError('--json needs FILE: the accounts are JSON')
    return withCore(async (app) => {
      const accounts = await writeLines(recordsOf(app, withHashes), file, stdout)
      const text = file === undefined ? '' : `${file}: ${accounts} accounts, readable by its owner alone.`
      return { text, json: { file, accounts, withHashes } }
    })
  }
}

async function* recordsOf({ store }: FastifyInstance, withHashes: boolean) {
  let after: string | undefined
  do {
    const users = await store.users.list({ limit: PAGE, after })
    for (const user of users) yield recordOf(user, withHashes)
    after = users.length < PAGE ? undefined : users.at(-1)?.id
  } while (after !== undefined)
}
