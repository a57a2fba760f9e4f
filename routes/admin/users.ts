import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { Problem } from '../../domain/errors.ts'
import type { Warning } from '../../domain/roles/assignable.ts'
import type { ManagementScope } from '../../domain/roles/scopes.ts'
import { Closed, IdParams, NoContent, Text } from '../../schemas/common.ts'
import { PageOf, pageQuery } from '../../schemas/paging.ts'
import {
  ChangedUserView,
  CreatedUserView,
  NewUserBody,
  UserChangeBody,
  UserView
} from '../../schemas/user.ts'
import { pageOf, pageView } from '../paging.ts'
import { oneTimeLinkView } from '../views/one-time-link.ts'
import { userView } from '../views/user.ts'
import { administratorOf } from './administrator-of.ts'

const UsersQuery = Closed({
  ...pageQuery,
  search: Type.Optional(Text({ minLength: 1, maxLength: 100, description: 'Part of an address or a name' }))
})

/** /admin/users: lists, makes, shows, changes and deletes accounts. */
const users: FastifyPluginAsyncTypebox = async (fastify) => {
  const mayRead = fastify.guard<ManagementScope>({ scope: 'users:read' })
  const mayWrite = fastify.guard<ManagementScope>({
    scope: 'users:write',
    fresh: fastify.config.AUTH_FRESH_TTL
  })

  fastify.get(
    '/users',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'listUsers',
        summary: 'Lists accounts',
        tags: ['admin'],
        querystring: UsersQuery,
        response: { 200: PageOf(UserView) },
        problems: []
      }
    },
    async ({ query }) => {
      const found = await fastify.store.users.list({ ...pageOf(query), search: query.search })
      return pageView(found, query, ({ id }) => id, userView)
    }
  )

  fastify.post(
    '/users',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'createUser',
        summary: 'Creates an account',
        tags: ['admin'],
        body: NewUserBody,
        response: { 201: CreatedUserView },
        problems: ['registration_closed', 'email_taken', 'unknown_role', 'roles_too_large']
      }
    },
    async (request, reply) => {
      const { user, link, warnings } = await fastify.accounts.administration.inviteUser(
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

  fastify.get(
    '/users/:id',
    {
      preHandler: mayRead,
      schema: {
        operationId: 'getUser',
        summary: 'Returns one account',
        tags: ['admin'],
        params: IdParams,
        response: { 200: UserView },
        problems: ['not_found']
      }
    },
    async ({ params }) => {
      const found = await fastify.store.users.find(params.id)
      if (!found) throw new Problem('not_found')
      return userView(found)
    }
  )

  fastify.patch(
    '/users/:id',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'updateUser',
        summary: 'Changes an account',
        tags: ['admin'],
        params: IdParams,
        body: UserChangeBody,
        response: { 200: ChangedUserView },
        problems: ['not_found', 'last_administrator', 'unknown_role', 'roles_too_large']
      }
    },
    async (request) => {
      const { params, body } = request
      const { user, warnings } = await fastify.accounts.administration.changeUser(
        params.id,
        body,
        administratorOf(request)
      )
      return { ...userView(user), ...warningsView(warnings) }
    }
  )

  fastify.delete(
    '/users/:id',
    {
      preHandler: mayWrite,
      schema: {
        operationId: 'deleteUser',
        summary: 'Deletes an account',
        tags: ['admin'],
        params: IdParams,
        response: { 204: NoContent },
        problems: ['not_found', 'last_administrator']
      }
    },
    async (request, reply) => {
      await fastify.accounts.administration.deleteUser(request.params.id, administratorOf(request))
      reply.code(204)
      return null
    }
  )
}

/** Returns the member `warnings` of a reply, or nothing if there are none. */
function warningsView(warnings: Warning[]): { warnings?: Warning[] } {
  return warnings.length > 0 ? { warnings } : {}
}

export default users
