import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { Answer } from './browser.ts'

interface Reply {
  content?: Record<string, { examples?: object }>
}

interface Operation {
  /** Routes that a test adds have none. */
  operationId?: string
  name: string
  /** JSON pointer into the document. */
  pointer: string
  path: RegExp
  responses: Record<string, Reply>
}

function operationsOf(document: { paths?: object }): Operation[] {
  return Object.entries((document.paths ?? {}) as Record<string, Record<string, Operation>>).flatMap(
    ([template, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        name: `${method.toUpperCase()} ${template}`,
        pointer: `/paths/${template.replaceAll('/', '~1')}/${method}`,
        path: new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`)
      }))
  )
}

function createChecker(document: { paths?: object }) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'api')
  const operations = operationsOf(document).filter(({ operationId }) => operationId !== undefined)

  /** Returns what is wrong with a reply, or undefined. */
  return (method: string, url: string, { status, headers, body, text }: Answer): string | undefined => {
    const path = url.split('?', 1)[0] ?? ''
    const operation = operations.find((each) => each.name.startsWith(`${method} `) && each.path.test(path))
    if (!operation) return undefined
    const shownAs = [String(status), `${String(status).charAt(0)}XX`].find((key) => operation.responses[key])
    if (shownAs === undefined) return `${operation.name}: status ${status} is not declared`
    const { content } = operation.responses[shownAs] as Reply
    if (!content) return text === '' ? undefined : `${operation.name}: ${status} has an undeclared body`
    const type = String(headers['content-type']).split(';', 1)[0] ?? ''
    const media = content[type]
    if (!media) return `${operation.name}: ${status} is not declared as ${type}`
    const code = body.code ?? body.error
    if (status >= 400 && !Object.hasOwn(media.examples ?? {}, code))
      return `${operation.name}: ${status} ${code} is not declared`
    const pointer = `${operation.pointer}/responses/${shownAs}/content/${type.replaceAll('/', '~1')}/schema`
    const validate = ajv.getSchema(`api#${encodeURI(pointer)}`)
    if (!validate) throw new Error(`there is no schema at ${pointer}`)
    return validate(body) ? undefined : `${operation.name}: ${status} ${ajv.errorsText(validate.errors)}`
  }
}

const checkers = new Map<boolean, ReturnType<typeof createChecker>>()

/** Throws an Error if a reply is not as the API reference declares it: status, type, code and body. */
export function assertDeclared(app: FastifyInstance, method: string, url: string, answer: Answer): void {
  const { secure, AUTH_DOCS } = app.config
  const known = checkers.get(secure)
  if (!known && AUTH_DOCS === 'off') return
  const check = known ?? createChecker(app.swagger())
  checkers.set(secure, check)
  const fault = check(method, url, answer)
  if (fault !== undefined) throw new Error(`the API reference does not describe this reply: ${fault}`)
}
