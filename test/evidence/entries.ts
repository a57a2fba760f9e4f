import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'

const Text = Type.String({ minLength: 3, pattern: '^\\S.*\\S$' })

/** The fields of a row that state its evidence, in both lists. */
const proof = {
  status: Type.String({ pattern: '^(held|partly|open|cannot apply|waits for \\S.*)$' }),
  note: Type.Optional(Text),
  evidence: Type.Optional(Type.Array(Text, { minItems: 1, uniqueItems: true }))
}

const Requirement = Type.Object({ id: Text, asks: Text, ...proof }, { additionalProperties: false })
/** A row of docs/evidence/asvs.yaml. */
export type Requirement = Static<typeof Requirement>

const Advisory = Type.Object(
  { product: Text, ids: Type.Array(Text, { minItems: 1 }), fault: Text, ...proof },
  { additionalProperties: false }
)
/** A row of docs/evidence/advisories.yaml. */
export type Advisory = Static<typeof Advisory>

const Ids = Type.Array(Text)
const ByLevel = Type.Object({ 1: Ids, 2: Ids, 3: Ids }, { additionalProperties: false })
const Required = Type.Object(
  { applies: ByLevel, extra: ByLevel, later: ByLevel, advisories: Ids },
  { additionalProperties: false }
)
/** The rows that both lists must have, from docs/evidence/required.yaml. */
export type Required = Static<typeof Required>

export const readRequirements = (text: string) => readAs(Type.Array(Requirement), text)
export const readAdvisories = (text: string) => readAs(Type.Array(Advisory), text)
export const readRequired = (text: string) => readAs(Required, text)

/** The evidence of a row, and the name of the row in messages. */
export interface Proof extends Pick<Requirement, 'status' | 'note' | 'evidence'> {
  name: string
}

/** Returns what a row lacks although its status requires it. */
export function faultsOf({ name, status, note, evidence }: Proof): string[] {
  const needsEvidence = status === 'held' || status === 'partly'
  const needsNote = status === 'partly' || status === 'open' || status === 'cannot apply'
  return [
    ...(needsEvidence && !evidence ? [`${name} is ${status} and names no evidence`] : []),
    ...(needsNote && !note ? [`${name} is ${status} and its note does not say why`] : [])
  ]
}

/** Returns which names are missing, unknown, or there twice. */
export function differencesOf(actual: string[], required: string[]): string[] {
  return [
    ...required.filter((name) => !actual.includes(name)).map((name) => `${name} is missing`),
    ...actual.filter((name) => !required.includes(name)).map((name) => `${name} is not asked for`),
    ...actual.filter((name, at) => actual.indexOf(name) !== at).map((name) => `${name} is there twice`)
  ]
}

/** Parses YAML. Throws an Error that names the place if the value does not match the schema. */
function readAs<T extends TSchema>(schema: T, text: string): Static<T> {
  const value: unknown = parse(text)
  if (Value.Check(schema, value)) return value
  const [error] = Value.Errors(schema, value)
  throw new Error(`${error?.instancePath}: ${error?.message}`)
}
