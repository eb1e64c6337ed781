import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** From the compiled file, in .cache/fault-table. */
const FOLDER = join(import.meta.dirname, '../../test/fixtures/tls/faults')

export type Certificate = 'good' | 'expired' | 'wrong-name' | 'untrusted'

const read = (name: string): string => readFileSync(join(FOLDER, `${name}.pem`), 'utf8')

/** What a TLS server needs. */
export const serverIdentity = (certificate: Certificate): { cert: string; key: string } => ({
  cert: read(certificate),
  key: read('key'),
})

/** What the clients trust. */
export const trustedAuthority = (): string => read('ca')
