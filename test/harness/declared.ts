import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import { metricsExposure } from '../../domain/settings/metrics-exposure.ts'
import type { Answer } from './browser.ts'

interface Operation {
  /** Routes that a test adds have none. */
  operationId?: string
  responses: Record<string, Reply>
}

interface Reply {
  content?: Record<string, { schema: { $ref?: string }; examples?: object }>
}

type Check = (operation: Operation, answer: Answer) => string | undefined

/** Finds the operation of a request by its method and path. */
function createRouter({ paths = {} }: { paths?: object }) {
  const templates = Object.entries(paths as Record<string, Record<string, Operation>>).map(
    ([template, operations]) => ({
      pattern: new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
      operations
    })
  )
  return (method: string, url: string): Operation | undefined => {
    const path = url.split('?', 1)[0] ?? ''
    const operation = templates.find(({ pattern }) => pattern.test(path))?.operations[method.toLowerCase()]
    return operation?.operationId === undefined ? undefined : operation
  }
}

/** Makes a function that says what is wrong with a reply, if something is. */
function createCheck(document: object): Check {
  const ajv = new Ajv2020({ strict: false, validateSchema: false, validateFormats: false })
  ajv.addSchema(document, 'api')

  return ({ responses }, { status, headers, body, text }) => {
    const reply = responses[status] ?? responses[`${String(status).charAt(0)}XX`]
    if (!reply) return 'the status is not declared'
    if (!reply.content) return text === '' ? undefined : 'there is content'
    const [type = ''] = String(headers['content-type']).split(';', 1)
    const media = reply.content[type]
    if (!media) return `${type} is not declared`
    const code = body?.code ?? body?.error
    if (status >= 400 && !Object.hasOwn(media.examples ?? {}, code)) return `${code} is not declared`
    const validate = media.schema.$ref && ajv.getSchema(`api${media.schema.$ref}`)
    return !validate || validate(type.endsWith('json') ? body : text)
      ? undefined
      : ajv.errorsText(validate.errors)
  }
}

type Reference = { find: ReturnType<typeof createRouter>; check: Check }

// One for each kind of app: all else in the reference is the same in every app.
const references = new Map<string, Reference>()

function referenceOf({ config, swagger, outbox }: FastifyInstance): Reference | undefined {
  const kind = `${config.secure} ${metricsExposure(config.AUTH_METRICS).by} ${outbox.isOn}`
  const known = references.get(kind)
  if (known || config.AUTH_DOCS === 'off') return known
  const document = swagger()
  const made = { find: createRouter(document), check: createCheck(document) }
  references.set(kind, made)
  return made
}

/** Throws an Error if a reply is not as the API reference declares it: status, type, code and body. */
export function assertDeclared(app: FastifyInstance, method: string, url: string, answer: Answer): void {
  const reference = referenceOf(app)
  const operation = reference?.find(method, url)
  const fault = operation && reference?.check(operation, answer)
  if (fault) throw new Error(`${method} ${url} ${answer.status}, other than in the API reference: ${fault}`)
}
