/** RFC 1035 as far as resolvers of C, Go and Node need it: A records that may be kept for no time, or "no such name". */
export function answerTo(question: Buffer, find: (name: string) => string[]): Buffer | undefined {
  const labels: string[] = []
  let at = 12
  while (question[at]) {
    const length = question[at] as number
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  const end = at + 5
  if (question.length < end) return undefined
  const found = find(labels.join('.').toLowerCase())
  const records = question.readUInt16BE(at + 1) === 1 ? found : []
  const header = Buffer.alloc(12)
  question.copy(header, 0, 0, 2)
  header.writeUInt16BE(found.length > 0 ? 0x8180 : 0x8183, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question.subarray(12, end), ...records.map(recordOf)])
}

function recordOf(address: string): Buffer {
  const fixed = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]
  return Buffer.from([...fixed, ...address.split('.').map(Number)])
}
