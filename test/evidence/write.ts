import { writeFile } from 'node:fs/promises'
import { judgeEvidence } from './pages.ts'

/** `npm run evidence`: writes docs/asvs.md and docs/advisories.md, and prints the faults of their lists. */
const { faults, pages } = await judgeEvidence()
for (const { path, text } of pages) await writeFile(new URL(`../../${path}`, import.meta.url), text)
for (const fault of faults) process.stderr.write(`${fault}\n`)
process.exitCode = faults.length > 0 ? 1 : 0
