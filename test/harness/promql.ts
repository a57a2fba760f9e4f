import { parser } from '@prometheus-io/lezer-promql'

/** What a PromQL expression asks of one metric. */
export interface Selector {
  metric: string
  /** The labels of its matchers, with the values that each names. */
  matchers: Array<{ label: string; values: string[] }>
}

export interface Query {
  selectors: Selector[]
  /** The labels that it groups by. */
  groupings: string[]
}

/** Parses a PromQL expression. Throws an Error if its syntax is wrong. */
export function parseQuery(expression: string): Query {
  const query: Query = { selectors: [], groupings: [] }
  parser.parse(expression).iterate({
    enter({ type, node, from, to }) {
      const text = expression.slice(from, to)
      if (type.isError) throw new Error(`wrong at ${from}: ${expression}`)
      if (type.name === 'Identifier') query.selectors.push({ metric: text, matchers: [] })
      if (type.name === 'LabelName' && node.parent?.name === 'GroupingLabels') query.groupings.push(text)
      if (type.name === 'UnquotedLabelMatcher') query.selectors.at(-1)?.matchers.push(matcherOf(text))
    }
  })
  return query
}

function matcherOf(text: string): Selector['matchers'][number] {
  const [, label = '', operator = '', value = ''] = /^(\w+)([=!~]+)["'](.*)["']$/.exec(text) ?? []
  return { label, values: operator.endsWith('~') ? value.split('|') : [value] }
}
