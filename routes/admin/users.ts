import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { CreatedUser, NewUser } from '../../schemas/admin.ts'
import { Closed, Text } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import { refusals } from '../../schemas/problem.ts'
import { User } from '../../schemas/user.ts'
import { pageOf, pageView } from '../paging.ts'
import { oneTimeLinkView } from '../views/one-time-link.ts'
import { userView } from '../views/user.ts'
import { warningsView } from '../views/warnings.ts'
import { administratorOf } from './administrator-of.ts'

const UsersQuery = Closed({
  ...pageQuery,
  search: Type.Optional(Text({ minLength: 1, maxLength: 100, description: 'Part of an address or a name' }))
})

/** /admin/users: everybody, page by page; a new account. */
const users: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/users',
    {
      preHandler: fastify.guard<ManagementScope>({ scope: 'users:read' }),
      schema: { tags: ['admin'], querystring: UsersQuery, response: { 200: PageOf(User), ...refusals } }
    },
    async ({ query }) => {
      const found = await fastify.store.users.list({ ...pageOf(query), search: query.search })
      return pageView(found, query, ({ id }) => id, userView)
    }
  )

  fastify.post(
    '/users',
    {
      preHandler: fastify.guard<ManagementScope>({
        scope: 'users:write',
        fresh: fastify.config.AUTH_FRESH_TTL
      }),
      schema: { tags: ['admin'], body: NewUser, response: { 201: CreatedUser, ...refusals } }
    },
    async (request, reply) => {
      if (fastify.config.AUTH_REGISTRATION === 'closed') throw new Problem('registration_closed')
      const { user, link, warnings } = await fastify.administration.users.createUser(
        request.body,
        administratorOf(request)
      )
      reply.code(201)
      return {
        ...userView(user),
        ...warningsView(warnings),
        ...(link && { passwordLink: oneTimeLinkView(link) })
      }
    }
  )
}

export default users
