import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'

type Compiler = FastifySchemaCompiler<TSchema>
type Validator = ReturnType<Compiler>
type Fields = Record<string, unknown>

/** Routes share schemas. A validator of a body converts nothing, so one of a URL is another. */
const ofBodies = new WeakMap<TSchema, Validator>()
const ofUrls = new WeakMap<TSchema, Validator>()

/**
 * Compiles the schemas of routes, each once. Bodies are not converted. Text from a URL becomes a number only if the number is
 * written the same way. `2.5` is no integer, and neither is `1e2`.
 */
export const compileValidator: Compiler = (route) => {
  const compiled = route.httpPart === 'body' ? ofBodies : ofUrls
  const validator = compiled.get(route.schema) ?? compile(route)
  compiled.set(route.schema, validator)
  return validator
}

const compile: Compiler = (route) => {
  const validate = TypeBoxValidatorCompiler(route)
  if (route.httpPart === 'body') return validate
  return (given: Fields) => {
    // The validator may convert in place.
    const written = { ...given }
    const result = validate(given)
    if (typeof result === 'boolean' || !('value' in result)) return result
    const changed = Object.keys(written).filter(
      (name) => String((result.value as Fields)[name]) !== written[name]
    )
    if (changed.length === 0) return result
    return { error: changed.map(unlikeItsType) as unknown as Error }
  }
}

function unlikeItsType(name: string) {
  return {
    keyword: 'type',
    instancePath: `/${name}`,
    schemaPath: '',
    params: {},
    message: 'must be a plain number'
  }
}
