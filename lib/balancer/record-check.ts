/** Records of many writers, each checked by itself: what one has done wrong must not hold up the others. */
import { parseEndpoint } from '../configuration/parse.js'
import { ConfigError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { reasonOf } from '../runtime/foreign.js'

/** Records that are checked in one step. */
const STEP = 50
/** Faults that a message has; the others are counted. */
const MAX_TOLD = 5

interface Checked {
  readonly record: unknown
  /** The last good one of that key. */
  readonly endpoint: Endpoint | undefined
  readonly fault: string | undefined
}

export class RecordCheck {
  readonly #checked = new Map<string, Checked>()
  readonly #faulty = new Map<string, string>()
  /** How many records have this URL, or this id. */
  readonly #uses = new Map<string, number>()
  /** URLs and ids that more than one has. */
  #doubles = 0
  #faults: string | undefined
  #isBehind = false

  /** What is wrong with the last records, in words; undefined where nothing is. */
  get faults(): string | undefined {
    return this.#faults
  }

  /** Whether the next check looks at all records, whatever it is told has changed. */
  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Records have come that are not checked: those that changed next do not say what is different from before. */
  skip(): void {
    this.#isBehind = true
  }

  /**
   * The endpoints of all records that are good; of one that is faulty the last good one, while its key is there. Where two have
   * one id or URL, the first counts.
   * @param changed keys that have come, gone or changed since the last time; undefined, any may have. A record that is the same
   * object as before is not checked again in either case. Step by step, so that ten thousand hold nobody up: one check at a time, and
   * the records must not change meanwhile
   */
  *check(
    records: ReadonlyMap<string, unknown>,
    changed?: Iterable<string>,
  ): Generator<undefined, Endpoint[]> {
    const isWhole = changed === undefined || this.#isBehind
    // Until it has come to its end.
    this.#isBehind = true
    if (isWhole)
      for (const key of [...this.#checked.keys()]) if (!records.has(key)) this.#update(key, records)
    let count = 0
    for (const key of isWhole ? records.keys() : changed) {
      this.#update(key, records)
      if (++count % STEP === 0) yield undefined
    }
    this.#isBehind = false
    const faults = new Map(this.#faulty)
    const endpoints = this.#doubles > 0 ? this.#withoutDoubles(records, faults) : this.#all(records)
    this.#faults = faults.size === 0 ? undefined : inWords(faults)
    return endpoints
  }

  #all(records: ReadonlyMap<string, unknown>): Endpoint[] {
    const endpoints: Endpoint[] = []
    for (const key of records.keys()) {
      const endpoint = this.#checked.get(key)?.endpoint
      if (endpoint !== undefined) endpoints.push(endpoint)
    }
    return endpoints
  }

  #withoutDoubles(records: ReadonlyMap<string, unknown>, faults: Map<string, string>): Endpoint[] {
    const endpoints: Endpoint[] = []
    const owners = new Map<string, string>()
    for (const key of records.keys()) {
      const endpoint = this.#checked.get(key)?.endpoint
      if (endpoint === undefined) continue
      const fault = doubleOf(endpoint, owners)
      if (fault !== undefined) {
        if (!faults.has(key)) faults.set(key, fault)
        continue
      }
      for (const name of namesOf(endpoint)) owners.set(name, key)
      endpoints.push(endpoint)
    }
    return endpoints
  }

  #update(key: string, records: ReadonlyMap<string, unknown>): void {
    const before = this.#checked.get(key)
    const after = records.has(key) ? checkOne(before, records.get(key)) : undefined
    if (after === before) return
    if (after === undefined) this.#checked.delete(key)
    else this.#checked.set(key, after)
    if (after?.fault === undefined) this.#faulty.delete(key)
    else this.#faulty.set(key, after.fault)
    if (after?.endpoint === before?.endpoint) return
    this.#count(before?.endpoint, -1)
    this.#count(after?.endpoint, 1)
  }

  #count(endpoint: Endpoint | undefined, by: 1 | -1): void {
    for (const name of endpoint === undefined ? [] : namesOf(endpoint)) {
      const uses = (this.#uses.get(name) ?? 0) + by
      if (uses === 0) this.#uses.delete(name)
      else this.#uses.set(name, uses)
      if (by === 1 && uses === 2) this.#doubles++
      if (by === -1 && uses === 1) this.#doubles--
    }
  }
}

function checkOne(before: Checked | undefined, record: unknown): Checked {
  if (before !== undefined && before.record === record) return before
  try {
    if (record instanceof Error) throw record
    return { record, endpoint: parseEndpoint(record, ''), fault: undefined }
  } catch (error) {
    return { record, endpoint: before?.endpoint, fault: faultOf(error) }
  }
}

/** What no other endpoint may have. A URL has no space behind its scheme, so an id is never taken for one. */
const namesOf = ({ id, url }: Endpoint): readonly [url: string, id: string] => [url, `id ${id}`]

function doubleOf(endpoint: Endpoint, owners: ReadonlyMap<string, string>): string | undefined {
  const [url, id] = namesOf(endpoint)
  const sameUrl = owners.get(url)
  if (sameUrl !== undefined) return `has the same URL as ${sameUrl}: ${url}`
  const sameId = owners.get(id)
  return sameId === undefined ? undefined : `has the same id as ${sameId}: ${JSON.stringify(endpoint.id)}`
}

function faultOf(error: unknown): string {
  if (!(error instanceof ConfigError)) return reasonOf(error)
  return error.faults
    .map(({ path, message }) => (path === '' ? message : `\`${path}\` ${message}`))
    .join('; ')
}

function inWords(faults: ReadonlyMap<string, string>): string {
  const told = [...faults]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_TOLD)
    .map(([key, fault]) => `${key}: ${fault}`)
    .join('\n')
  return faults.size > MAX_TOLD
    ? `${told}\nand ${faults.size - MAX_TOLD} more of ${faults.size} faulty records`
    : told
}
