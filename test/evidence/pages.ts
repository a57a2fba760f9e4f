import { readFile } from 'node:fs/promises'
import { advisoriesPage, faultsOfAdvisories } from './advisories.ts'
import { asvsPage, faultsOfRequirements } from './asvs.ts'
import { readAdvisories, readRequired, readRequirements } from './entries.ts'
import { createReferences, type Read } from './references.ts'

const ROOT = new URL('../../', import.meta.url)

export interface Evidence {
  /** The faults, each with the name of its row. */
  faults: string[]
  /** The pages made from the lists. */
  pages: Array<{ path: string; text: string }>
}

/** Reads a file of the project. Resolves to undefined if it cannot. */
export const readProject: Read = (path) => readFile(new URL(path, ROOT), 'utf8').catch(() => undefined)

/** Checks the lists in docs/evidence/, and returns the pages made from them. Throws an Error if a list is malformed. */
export async function judgeEvidence(read: Read = readProject): Promise<Evidence> {
  const must = async (name: string) => {
    const text = await read(`docs/evidence/${name}`)
    if (text === undefined) throw new Error(`there is no docs/evidence/${name}`)
    return text
  }
  const required = readRequired(await must('required.yaml'))
  const requirements = readRequirements(await must('asvs.yaml'))
  const advisories = readAdvisories(await must('advisories.yaml'))
  const faultOf = createReferences(read)
  const faultsOfReferences = async (name: string, evidence: string[] = []) => {
    const faults = await Promise.all(evidence.map(faultOf))
    return faults.flatMap((fault) => (fault === undefined ? [] : [`${name}: ${fault}`]))
  }
  const references = await Promise.all([
    ...requirements.map(({ id, evidence }) => faultsOfReferences(id, evidence)),
    ...advisories.map(({ product, ids, evidence }) => faultsOfReferences(`${product} ${ids[0]}`, evidence))
  ])
  return {
    faults: [
      ...faultsOfRequirements(requirements, required),
      ...faultsOfAdvisories(advisories, required),
      ...references.flat()
    ],
    pages: [
      { path: 'docs/asvs.md', text: asvsPage(requirements, required) },
      { path: 'docs/advisories.md', text: advisoriesPage(advisories) }
    ]
  }
}

/** Returns the paths of pages on disk that differ from those made from the lists. */
export async function stalePages({ pages }: Evidence, read: Read = readProject): Promise<string[]> {
  const texts = await Promise.all(pages.map(({ path }) => read(path)))
  return pages.filter(({ text }, at) => texts[at] !== text).map(({ path }) => path)
}
