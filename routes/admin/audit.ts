import { type FastifyPluginAsyncTypebox, type Static, Type } from '@fastify/type-provider-typebox'
import { type AuditFilter, auditTypes } from '../../domain/model/audit.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { AuditEventView } from '../../schemas/audit-event.ts'
import { Closed, Text, Time } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { pageOf, pageView } from '../paging.ts'
import { auditEventView } from '../views/audit-event.ts'
import { momentOf } from './moment-of.ts'

const AuditQuery = Closed({
  ...pageQuery,
  type: Type.Optional(Type.Enum([...auditTypes])),
  userId: Type.Optional(Text({ maxLength: 64, description: 'Whom it happened to' })),
  actorId: Type.Optional(Text({ maxLength: 64, description: 'Who did it' })),
  onBehalfOf: Type.Optional(Text({ maxLength: 64, description: 'For whom a client did it' })),
  from: Type.Optional(Time),
  to: Type.Optional(Time)
})

/** GET /admin/audit: lists the audit trail, newest first. */
const audit: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/audit',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'audit:read' }),
      schema: {
        operationId: 'listAuditEvents',
        summary: 'Lists audit events',
        tags: ['admin'],
        querystring: AuditQuery,
        response: { 200: PageOf(AuditEventView) },
        problems: []
      }
    },
    async ({ query }) => {
      const events = await fastify.store.audit.list({ ...pageOf(query), ...filterOf(query) })
      return pageView(events, query, ({ id }) => id, auditEventView)
    }
  )
}

function filterOf({ from, to, ...others }: Static<typeof AuditQuery>): AuditFilter {
  const { type, userId, actorId, onBehalfOf } = others
  return {
    type,
    userId,
    actorId,
    onBehalfOf,
    from: momentOf(from, '/from'),
    to: momentOf(to, '/to')
  }
}

export default audit
