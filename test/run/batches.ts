import { runsAlone } from './selection.ts'

const SIZE = 8

/** Divides files into batches, one process each: loading the service costs more than most files need. Keeps the order. */
export function batchesOf(files: string[]): string[][] {
  const alone = files.filter(runsAlone)
  const together = files.filter((file) => !alone.includes(file))
  const count = Math.ceil(together.length / SIZE)
  // Deals them like cards, so that the batches take about the same time.
  const batches = Array.from({ length: count }, (_, batch) =>
    together.filter((_, at) => at % count === batch)
  )
  return [...alone.map((file) => [file]), ...batches]
}
