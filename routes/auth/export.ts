import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox, Static } from '@fastify/type-provider-typebox'
import type { AccountExport } from '../../domain/accounts/export.ts'
import { toIso } from '../../domain/clock.ts'
import { AccountExportView } from '../../schemas/account-export.ts'
import { authOf } from '../../verifier/authorization.ts'
import { ownEventView } from '../views/own-event.ts'
import { deviceView } from '../views/session.ts'
import { userView } from '../views/user.ts'

/** GET /auth/me/export: sends what Gatehouse stores about the user, as a file of JSON. */
const accountExport: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/me/export',
    {
      preHandler: fastify.guard({ kind: 'user', direct: true, fresh: fastify.config.AUTH_FRESH_TTL }),
      schema: {
        operationId: 'exportMe',
        summary: 'Returns all data of the account as a file',
        tags: ['account'],
        response: { 200: AccountExportView },
        problems: ['invalid_session']
      }
    },
    async (request, reply) => {
      const { sessionId } = authOf(request)
      const exported = await fastify.accounts.exportAccount(sessionId, request.caller())
      reply
        .type('application/json; charset=utf-8')
        .header('content-disposition', 'attachment; filename="gatehouse-account.json"')
      // A stream passes no serializer.
      return Readable.from(textOf(exported, sessionId)) as unknown as Static<typeof AccountExportView>
    }
  )
}

// Writes the lists piece by piece: the audit trail of an account has no limit.
async function* textOf(exported: AccountExport, currentId: string): AsyncGenerator<string> {
  const { exportedAt, user, sessions, events } = exported
  const head = { exportedAt: toIso(exportedAt), user: userView(user), scope: user.scope.join(' ') }
  yield JSON.stringify(head).slice(0, -1)
  yield* listText('sessions', sessions, (session) => deviceView(session, currentId))
  yield* listText('events', events, ownEventView)
  yield '}\n'
}

async function* listText<Item>(
  name: string,
  items: AsyncIterable<Item>,
  view: (item: Item) => object
): AsyncGenerator<string> {
  let before = `,\n"${name}":[\n`
  for await (const item of items) {
    yield before + JSON.stringify(view(item))
    before = ',\n'
  }
  yield before === ',\n' ? ']' : `${before}]`
}

export default accountExport
