import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers } from './answers.ts'
import type { Teardown } from './build.ts'
import { newFolder } from './folder.ts'

/** A self-signed certificate for localhost and its key, both PEM. `path` is for NODE_EXTRA_CA_CERTS. */
export interface Certificate {
  path: string
  keyPath: string
  cert: string
  key: string
}

/** Makes certificates by openssl. `missing` says why it cannot, or is false. */
export const certificates = {
  missing: answers('openssl', ['version']) ? (false as const) : 'openssl is not installed',

  async make(t: Teardown, days: number): Promise<Certificate> {
    const folder = await newFolder(t)
    const [path, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost
      -addext subjectAltName=DNS:localhost -days ${days} -out ${path} -keyout ${keyPath}`
    execFileSync('openssl', words.split(/\s+/), { stdio: 'ignore' })
    return { path, keyPath, cert: await readFile(path, 'utf8'), key: await readFile(keyPath, 'utf8') }
  }
}
