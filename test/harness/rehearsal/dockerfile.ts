import {
  DockerfileParser,
  type Instruction,
  type ModifiableInstruction,
  type PropertyInstruction
} from 'dockerfile-ast'

/** How a container is asked whether it is well. Times in milliseconds. */
export interface HealthCheck {
  test: string[]
  interval: number
  timeout: number
  startPeriod: number
  retries: number
}

export type Step =
  | { keyword: 'COPY'; from: string | undefined; sources: string[]; target: string }
  | { keyword: 'RUN'; command: string }
  | { keyword: 'WORKDIR' | 'USER' | 'EXPOSE' | 'STOPSIGNAL'; value: string }
  | { keyword: 'ENV' | 'LABEL'; values: Record<string, string> }
  | { keyword: 'CMD'; words: string[] }
  | { keyword: 'HEALTHCHECK'; check: HealthCheck }

export interface Stage {
  name: string | undefined
  base: string
  steps: Step[]
}

/** Reads a Dockerfile into its stages; throws at the first line that the rehearsal could not do as it says. */
export function readDockerfile(text: string): Stage[] {
  const stages: Stage[] = []
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword()
    if (keyword === 'FROM') stages.push(stageOf(instruction))
    else if (stages.length === 0) throw unknown(instruction, keyword)
    else stages.at(-1)?.steps.push(stepOf(instruction))
  }
  return stages
}

function stageOf(instruction: Instruction): Stage {
  const [base = '', as, name] = wordsOf(instruction)
  if (as !== undefined && as.toUpperCase() !== 'AS') throw unknown(instruction, `FROM … ${as}`)
  return { base, name, steps: [] }
}

function stepOf(instruction: Instruction): Step {
  const keyword = instruction.getKeyword()
  const text = instruction.getArgumentsContent() ?? ''
  switch (keyword) {
    case 'COPY':
      return copyOf(instruction)
    case 'RUN':
      if (flagsOf(instruction).size > 0 || text.startsWith('['))
        throw unknown(instruction, 'RUN with flags or as a list')
      return { keyword, command: text }
    case 'WORKDIR':
    case 'USER':
    case 'EXPOSE':
    case 'STOPSIGNAL':
      return { keyword, value: text }
    case 'ENV':
    case 'LABEL':
      return { keyword, values: pairsOf(instruction as PropertyInstruction) }
    case 'CMD':
      return { keyword, words: listOf(instruction, text) }
    case 'HEALTHCHECK':
      return { keyword, check: healthCheckOf(instruction, text) }
    default:
      throw unknown(instruction, keyword)
  }
}

function copyOf(instruction: Instruction): Step {
  const flags = flagsOf(instruction)
  const from = flags.get('from')
  flags.delete('from')
  for (const flag of flags.keys()) throw unknown(instruction, `COPY --${flag}`)
  const words = wordsOf(instruction)
  return { keyword: 'COPY', from, sources: words.slice(0, -1), target: words.at(-1) ?? '' }
}

function healthCheckOf(instruction: Instruction, text: string): HealthCheck {
  const flags = flagsOf(instruction)
  const read = (name: string) => {
    const value = flags.get(name)
    flags.delete(name)
    if (value === undefined) throw unknown(instruction, `HEALTHCHECK without --${name}`)
    return value
  }
  const [interval, timeout, startPeriod] = ['interval', 'timeout', 'start-period'].map((name) =>
    milliseconds(read(name))
  )
  const retries = Number(read('retries'))
  for (const flag of flags.keys()) throw unknown(instruction, `HEALTHCHECK --${flag}`)
  const command = /^CMD\s+(.*)$/s.exec(text.replace(/^(--\S+\s+)*/, ''))?.[1] ?? ''
  const test = ['CMD', ...listOf(instruction, command)]
  return { test, interval, timeout, startPeriod, retries } as HealthCheck
}

/** `5s`, `1m30s`, `250ms` in milliseconds. */
export function milliseconds(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)]
  if (parts.map(([part]) => part).join('') !== text || parts.length === 0)
    throw new Error(`${text} is not a duration`)
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit as string] as number), 0)
}

function wordsOf(instruction: Instruction): string[] {
  return instruction
    .getExpandedArguments()
    .map((word) => word.getValue())
    .filter((word) => !word.startsWith('--'))
}

function flagsOf(instruction: Instruction): Map<string, string> {
  const flags = 'getFlags' in instruction ? (instruction as ModifiableInstruction).getFlags() : []
  return new Map(flags.map((flag) => [flag.getName(), flag.getValue() ?? '']))
}

function pairsOf(instruction: PropertyInstruction): Record<string, string> {
  return Object.fromEntries(
    instruction.getProperties().map((pair) => [pair.getName(), pair.getValue() ?? ''])
  )
}

// A shell between would take the signals that are meant for the program.
function listOf(instruction: Instruction, text: string): string[] {
  try {
    return JSON.parse(text)
  } catch {
    throw unknown(instruction, `${instruction.getKeyword()} that is not a list`)
  }
}

function unknown(instruction: Instruction, what: string): Error {
  return new Error(`Dockerfile:${instruction.getRange().start.line + 1}: the rehearsal does not know ${what}`)
}
