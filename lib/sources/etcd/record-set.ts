/** The keys of a service that are known, kept up to date by lists and changes. */
import { type KeyValue, recordOf } from './key-value.js'
import type { KeyRange } from './keys.js'
import type { KeyList } from './list.js'
import type { WatchAnswer } from './watch.js'

const MAX_TEXT_LENGTH = 64 * 2 ** 20

interface Known {
  readonly text: string | Error
  /** The same object as long as the value is the same. */
  readonly record: unknown
  readonly modRevision: bigint
}

export class RecordSet {
  readonly #range: KeyRange
  readonly #maxKeys: number
  readonly #known = new Map<string, Known>()
  #length = 0
  /** What is to be taken for endpoints, in the order of the keys, but for keys that are still to be sorted in. */
  #records = new Map<string, unknown>()
  #isSorted = true
  /** Keys since `take`; undefined: any. */
  #changed: Set<string> | undefined
  /** Of the list, or of the last change since. */
  #revision = 0n
  /** Up to which the server says that it has told all. It may run ahead of changes that are still on their way. */
  #toldUpTo = 0n

  constructor(range: KeyRange, maxKeys: number) {
    this.#range = range
    this.#maxKeys = maxKeys
  }

  /** What is older is known. */
  get revision(): bigint {
    return this.#revision
  }

  /** The first revision to ask a server for. */
  get watchFrom(): bigint {
    return (this.#toldUpTo > this.#revision ? this.#toldUpTo : this.#revision) + 1n
  }

  get size(): number {
    return this.#known.size
  }

  /** A list tells all that there is. Revisions may be lower than before: of a cluster that was restored. */
  replace({ keys, revision }: KeyList): void {
    const before = new Map(this.#known)
    this.#known.clear()
    this.#records.clear()
    this.#changed = undefined
    this.#length = 0
    this.#revision = revision
    this.#toldUpTo = revision
    for (const kv of keys) this.#put(kv, before.get(kv.key))
  }

  /** Returns whether anything has changed. What is older than what is known is ignored. */
  apply({ changes, upTo }: WatchAnswer): boolean {
    let hasChanged = false
    for (const { isDeleted, kv } of changes) {
      if (kv.modRevision <= this.#revision) continue
      const known = this.#known.get(kv.key)
      if (known !== undefined && known.modRevision >= kv.modRevision) continue
      if (isDeleted && known === undefined) continue
      if (isDeleted) this.#remove(kv.key)
      else this.#put(kv, known)
      hasChanged = true
    }
    if (upTo === undefined) return hasChanged
    if (upTo > this.#toldUpTo) this.#toldUpTo = upTo
    if (changes.length > 0 && upTo > this.#revision) this.#revision = upTo
    return hasChanged
  }

  /** What is to be taken for endpoints, by key, an error where a key has none; and which keys differ since the last time. */
  take(): { records: ReadonlyMap<string, unknown>; changed: ReadonlySet<string> | undefined } {
    if (!this.#isSorted) this.#records = new Map([...this.#records].sort(([a], [b]) => (a < b ? -1 : 1)))
    this.#isSorted = true
    const changed = this.#changed
    this.#changed = new Set()
    return { records: this.#records, changed }
  }

  #put(kv: KeyValue, known: Known | undefined): void {
    const { key, value: text, modRevision } = kv
    const isSame = known !== undefined && typeof text === 'string' && known.text === text
    const replaced = this.#known.get(key)
    if (replaced === undefined) this.#isSorted = false
    else this.#length -= lengthOf(replaced.text)
    const record = isSame ? known.record : this.#read(kv)
    this.#known.set(key, { text, record, modRevision })
    this.#records.set(key, record)
    this.#changed?.add(key)
    this.#length += lengthOf(text)
    if (this.#known.size > this.#maxKeys)
      throw new Error(
        `${this.#range.start} has more than ${this.#maxKeys} keys in etcd; maxEndpoints is ${this.#maxKeys}`,
      )
    if (this.#length > MAX_TEXT_LENGTH)
      throw new Error(`the values below ${this.#range.start} have more than ${MAX_TEXT_LENGTH} characters`)
  }

  #remove(key: string): void {
    this.#length -= lengthOf(this.#known.get(key)?.text ?? '')
    this.#known.delete(key)
    this.#records.delete(key)
    this.#changed?.add(key)
  }

  #read({ key, isKeyText, value }: KeyValue): unknown {
    if (!isKeyText) return new Error('the key is no UTF-8; its bytes are shown')
    const { start } = this.#range
    if (!key.startsWith(start)) return new Error(`the key is none of ${start}`)
    const id = key.slice(start.length)
    if (id === '') return new Error('the key names no endpoint; an id is wanted behind the last slash')
    return value instanceof Error ? value : recordOf(value, id)
  }
}

const lengthOf = (text: string | Error): number => (typeof text === 'string' ? text.length : 0)
