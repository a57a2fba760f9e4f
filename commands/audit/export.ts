import { exportedEvents } from '../../domain/audit-export.ts'
import { type AuditType, auditTypes } from '../../domain/model/audit.ts'
import { nearest } from '../../domain/nearest.ts'
import { auditEventView } from '../../routes/views/audit-event.ts'
import { type Command, UsageError } from '../command.ts'
import { withCore } from '../with-core.ts'
import { writeLines } from '../write-lines.ts'

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

/** `gatehouse audit export`: writes the audit trail as JSON lines, oldest first. */
export const auditExport: Command = {
  name: 'audit export',
  usage: '[--from TIME] [--to TIME] [--type TYPE] [FILE]',
  summary: 'write the audit trail as JSON lines, oldest first, to a new file or to standard output',
  words: 1,
  options: { from: { type: 'string' }, to: { type: 'string' }, type: { type: 'string' } },
  async run(values, [file], { stdout }) {
    const { from, to, type } = values as Values
    const filter = { from: timeIn(from, 'from'), to: timeIn(to, 'to'), type: typeIn(type) }
    return withCore(async ({ store }) => {
      const events = await writeLines(views(exportedEvents(store, filter)), file, stdout)
      if (file === undefined) return { text: '', json: undefined }
      return { text: `${file}: ${events} ${events === 1 ? 'event' : 'events'}.`, json: { file, events } }
    })
  }
}

interface Values {
  from?: string
  to?: string
  type?: string
}

async function* views(events: ReturnType<typeof exportedEvents>) {
  for await (const event of events) yield auditEventView(event)
}

function timeIn(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(time)) return time
  throw new UsageError(`--${option} must be a time such as 2026-11-01 or 2026-11-01T08:30:00Z`)
}

function typeIn(text: string | undefined): AuditType | undefined {
  const type = auditTypes.find((each) => each === text)
  if (type !== undefined || text === undefined) return type
  const meant = nearest(text, [...auditTypes])
  throw new UsageError(`There is no event ${text}${meant ? `. Did you mean ${meant}?` : ''}`)
}
