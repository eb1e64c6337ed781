/** Records of many writers, each checked by itself: what one has done wrong must not hold up the others. */
import { parseEndpoint } from '../configuration/parse.js'
import { ConfigError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { reasonOf } from '../runtime/foreign.js'

/** Faults that a message has; the others are counted. */
const MAX_TOLD = 5

interface Checked {
  readonly record: unknown
  /** The last good one of that key. */
  readonly endpoint: Endpoint | undefined
  readonly fault: string | undefined
}

export class RecordCheck {
  #checked = new Map<string, Checked>()
  #faults: string | undefined

  /** What is wrong with the last records, in words; undefined where nothing is. */
  get faults(): string | undefined {
    return this.#faults
  }

  /**
   * The endpoints of all records that are good; of one that is faulty the last good one, while its key is there. Where two have
   * one id or URL, the first counts. A record that is the same object as before is not checked again.
   */
  check(records: ReadonlyMap<string, unknown>): Endpoint[] {
    const checked = new Map<string, Checked>()
    const faults: string[] = []
    const endpoints: Endpoint[] = []
    const owners = new Map<string, string>()
    for (const [key, record] of records) {
      const one = this.#checkOne(key, record)
      checked.set(key, one)
      const { endpoint } = one
      const double = endpoint === undefined ? undefined : doubleOf(endpoint, owners)
      const fault = one.fault ?? double
      if (fault !== undefined) faults.push(`${key}: ${fault}`)
      if (endpoint === undefined || double !== undefined) continue
      owners.set(endpoint.url, key)
      owners.set(idOf(endpoint), key)
      endpoints.push(endpoint)
    }
    this.#checked = checked
    this.#faults = faults.length === 0 ? undefined : inWords(faults)
    return endpoints
  }

  #checkOne(key: string, record: unknown): Checked {
    const before = this.#checked.get(key)
    if (before !== undefined && before.record === record) return before
    try {
      if (record instanceof Error) throw record
      return { record, endpoint: parseEndpoint(record, ''), fault: undefined }
    } catch (error) {
      return { record, endpoint: before?.endpoint, fault: faultOf(error) }
    }
  }
}

/** No URL: those have slashes behind their scheme, and this a space. */
const idOf = ({ id }: Endpoint): string => `id ${id}`

function doubleOf(endpoint: Endpoint, owners: ReadonlyMap<string, string>): string | undefined {
  const { id, url } = endpoint
  const sameUrl = owners.get(url)
  if (sameUrl !== undefined) return `has the same URL as ${sameUrl}: ${url}`
  const sameId = owners.get(idOf(endpoint))
  return sameId === undefined ? undefined : `has the same id as ${sameId}: ${JSON.stringify(id)}`
}

function faultOf(error: unknown): string {
  if (!(error instanceof ConfigError)) return reasonOf(error)
  return error.faults
    .map(({ path, message }) => (path === '' ? message : `\`${path}\` ${message}`))
    .join('; ')
}

function inWords(faults: readonly string[]): string {
  const told = faults.slice(0, MAX_TOLD).join('\n')
  return faults.length > MAX_TOLD
    ? `${told}\nand ${faults.length - MAX_TOLD} more of ${faults.length} faulty records`
    : told
}
