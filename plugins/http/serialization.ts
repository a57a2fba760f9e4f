import createCompilers from '@fastify/fast-json-stringify-compiler'
import type { FastifySerializerCompiler } from 'fastify'

type Compiler = FastifySerializerCompiler<unknown>

const compile = createCompilers()() as Compiler
const compiled = new Map<string, ReturnType<Compiler>>()

/** Compiles each response schema once: most routes share a few schemas, and compiling takes half of the start. */
export const compileSerializer: Compiler = (route) => {
  const text = JSON.stringify(route.schema)
  const serializer = compiled.get(text) ?? compile(route)
  compiled.set(text, serializer)
  return serializer
}
