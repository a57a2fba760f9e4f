/** One metric of an exposition, with its series. */
export interface Family {
  name: string
  type: string
  help: string
  samples: Sample[]
}

interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (\\S+)$`)
const VALUE = /^[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf|NaN)$/i
const SUFFIXES: Record<string, string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count']
}

/**
 * Parses Prometheus' text format (version 0.0.4) strictly. HELP and TYPE come once and first, and a family is contiguous. No
 * series occurs twice, counters end in `_total`, and the buckets of histograms add up. Throws an Error for the first fault.
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let family: Family | undefined
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      if (families.has(name)) throw new Error(`${name} comes twice`)
      family = { name, help: rest, type: '', samples: [] }
      families.set(name, family)
    } else if (keyword === 'TYPE') {
      if (!family || family.name !== name || family.type !== '') throw new Error(`misplaced: ${line}`)
      if (!(rest in SUFFIXES)) throw new Error(`no type: ${line}`)
      family.type = rest
    } else {
      const sample = parseSample(line)
      if (!family || !belongs(sample, family)) throw new Error(`not of ${family?.name}: ${line}`)
      const series = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(series)) throw new Error(`${series} comes twice`)
      seen.add(series)
      family.samples.push(sample)
    }
  }
  for (const each of families.values()) check(each)
  return families
}

function parseSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
  if (name === '' || !VALUE.test(value)) throw new Error(`no sample: ${line}`)
  const pairs = labels.match(new RegExp(LABEL, 'g')) ?? []
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 2, -1)] as const
  })
  if (new Set(entries.map(([label]) => label)).size < entries.length)
    throw new Error(`a label twice: ${line}`)
  return { name, labels: Object.fromEntries(entries), value: Number(value.replace('Inf', 'Infinity')) }
}

function belongs({ name }: Sample, family: Family): boolean {
  return (SUFFIXES[family.type] ?? []).some((suffix) => name === family.name + suffix)
}

function check({ name, type, help, samples }: Family): void {
  if (help === '') throw new Error(`${name} has no help`)
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name} is a counter without _total`)
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0)))
    throw new Error(`${name} is below zero`)
  if (type === 'histogram') checkHistogram(name, samples)
}

function checkHistogram(name: string, samples: Sample[]): void {
  const bySeries = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others))
  for (const [series, those] of bySeries) {
    const buckets = those.filter((sample) => sample.name.endsWith('_bucket'))
    const bounds = buckets.map(({ labels: { le = '' } }) => Number(le.replace('Inf', 'Infinity')))
    const counts = [...buckets.map(({ value }) => value)]
    const total = those.find((sample) => sample.name.endsWith('_count'))?.value
    const ascend = (numbers: number[]) =>
      numbers.every((number, at) => at === 0 || number >= (numbers[at - 1] ?? 0))
    const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && counts.at(-1) === total
    if (!isWhole || !ascend(bounds) || !ascend(counts)) throw new Error(`${name}${series} does not add up`)
  }
}
