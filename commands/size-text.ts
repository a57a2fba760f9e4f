const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** Writes a number of bytes for people: 1536 is `1.5 KiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1)
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`
}
