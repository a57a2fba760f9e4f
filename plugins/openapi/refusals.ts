import type { RouteOptions } from 'fastify'
import { Problem, type ProblemCode, problems } from '../../domain/errors.ts'
import { type OAuthErrorCode, oauthCodeOf, oauthErrors } from '../../domain/oauth/errors.ts'
import { OAuthErrorView } from '../../schemas/oauth.ts'
import { ProblemView } from '../../schemas/problem.ts'
import { isSafeMethod } from '../../verifier/cross-site.ts'
import { problemBody } from '../http/errors.ts'
import type { Reply } from './document.ts'
import { guardOf } from './security.ts'

const problemCodes = Object.keys(problems) as ProblemCode[]
const oauthCodes = Object.keys(oauthErrors) as OAuthErrorCode[]

/** Codes that every route can return. The document shows them as `4XX` and `5XX`. */
const OF_ANY_ROUTE: ProblemCode[] = ['payload_too_large', 'internal_error', 'busy', 'unavailable']
/** Likewise, but never as an error of OAuth. */
const OF_ANY_JSON_ROUTE: ProblemCode[] = [
  'request_timeout',
  'uri_too_long',
  'unsupported_media_type',
  'expectation_failed',
  'headers_too_large'
]

/** One way to refuse: its code, under which status or range the document shows it, and the name of its example. */
interface Refusal {
  shownAs: string
  code: string
  example: string
}

const EXAMPLE_ID = '01a208d3-d407-77d5-86d5-f1e14efb8160'
const oauthExample = (code: OAuthErrorCode) => `oauth_${code}`

/** An example of every refusal, by name. */
export const refusalExamples = Object.fromEntries([
  ...problemCodes.map((code) => [
    code,
    { summary: problems[code].title, value: problemBody(new Problem(code), EXAMPLE_ID) }
  ]),
  ...oauthCodes.map((code) => [oauthExample(code), { value: { error: code } }])
])

// With all codes as enumerations, a generated client knows them.
const { properties } = ProblemView
const CodedProblem = {
  ...ProblemView,
  properties: { ...properties, code: { ...properties.code, title: 'ProblemCode', enum: problemCodes } }
}
const CodedOAuthError = {
  ...OAuthErrorView,
  properties: {
    ...OAuthErrorView.properties,
    error: { type: 'string', title: 'OAuthErrorCode', enum: oauthCodes }
  }
}

/** Returns the replies by which a route refuses, by status or range. */
export function refusalsOf(route: RouteOptions, secure: boolean): Record<string, Reply> {
  const { problems: own = [], oauthErrors: ownOAuth } = route.schema ?? {}
  const byHooks = codesOfHooks(route, secure)
  if (ownOAuth) {
    const refusals = [
      ...(['invalid_request', 'invalid_client'] as const).map(oauthError),
      ...ownOAuth.map(oauthError),
      ...byHooks.map(problemAsOAuth),
      ...OF_ANY_ROUTE.map(problemAsOAuth).map(inRange)
    ]
    return repliesOf(refusals, 'application/json', () => CodedOAuthError)
  }
  const refusals = [
    ...[...byHooks, ...own].map(problem),
    ...[...OF_ANY_ROUTE, ...OF_ANY_JSON_ROUTE].map(problem).map(inRange)
  ]
  const declared = (route.schema?.response ?? {}) as Record<string, unknown>
  return repliesOf(refusals, 'application/problem+json', (status) => declared[status] ?? CodedProblem)
}

/** Returns the codes with which hooks refuse before the handler runs. */
function codesOfHooks(route: RouteOptions, secure: boolean): ProblemCode[] {
  return [
    'invalid_request',
    ...codesOfGuard(route),
    ...(isSafeMethod(String(route.method)) ? [] : (['cross_site_request'] as const)),
    ...(secure ? (['https_required'] as const) : []),
    ...(route.config?.rateLimit === false ? [] : (['rate_limited'] as const))
  ]
}

function codesOfGuard({ preHandler }: RouteOptions): ProblemCode[] {
  const options = guardOf(preHandler)?.options
  if (!options) return []
  const { fresh, optional, from, ...requirements } = options
  return [
    'unauthorized',
    'token_stale',
    ...(Object.keys(requirements).length > 0 ? (['forbidden'] as const) : []),
    ...(fresh === undefined ? [] : (['reauthentication_required'] as const))
  ]
}

function problem(code: ProblemCode): Refusal {
  return { shownAs: String(problems[code].status), code, example: code }
}

function oauthError(code: OAuthErrorCode): Refusal {
  return { shownAs: String(oauthErrors[code]), code, example: oauthExample(code) }
}

function problemAsOAuth(code: ProblemCode): Refusal {
  const { status } = problems[code]
  return { ...oauthError(oauthCodeOf(status)), shownAs: String(status) }
}

function inRange(refusal: Refusal): Refusal {
  return { ...refusal, shownAs: `${refusal.shownAs.charAt(0)}XX` }
}

function repliesOf(
  refusals: Refusal[],
  mediaType: string,
  schemaOf: (status: string) => unknown
): Record<string, Reply> {
  const groups = Object.entries(Object.groupBy(refusals, ({ shownAs }) => shownAs))
  return Object.fromEntries(
    groups.map(([status, group = []]) => {
      const examples = Object.fromEntries(
        group.map(({ code, example }) => [code, { $ref: `#/components/examples/${example}` }])
      )
      const codes = Object.keys(examples).map((code) => `\`${code}\``)
      return [
        status,
        { description: codes.join(', '), content: { [mediaType]: { schema: schemaOf(status), examples } } }
      ]
    })
  )
}
