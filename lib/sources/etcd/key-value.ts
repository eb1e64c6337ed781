/** A key of etcd with its value, as the JSON gateway sends it. */
import { isRecord } from '../../options/kinds.js'
import { integerOf } from './answer.js'
import { bytesOf, textOf } from './keys.js'

const MAX_VALUE_BYTES = 64 * 1024

export interface KeyValue {
  /** As text; where it is no UTF-8, with the bytes in hexadecimal. */
  readonly key: string
  readonly isKeyText: boolean
  /** The text of the value, or why it cannot be read. */
  readonly value: string | Error
  readonly modRevision: bigint
  /** Its id; "0" where it has none. */
  readonly lease: string
}

/** Throws where it is none at all; a value that cannot be used is an error in its place. */
export function readKeyValue(kv: unknown, name: string): KeyValue {
  const key = isRecord(kv) ? bytesOf(kv.key) : undefined
  if (!isRecord(kv) || key === undefined || key.length === 0)
    throw new Error(`${name} sends a key that cannot be read`)
  const text = textOf(key)
  return {
    key: text ?? key.toString('hex'),
    isKeyText: text !== undefined,
    value: readValue(kv.value),
    modRevision: integerOf(kv.mod_revision, `mod_revision of a key of ${name}`),
    lease: integerOf(kv.lease, `lease of a key of ${name}`).toString(),
  }
}

function readValue(value: unknown): string | Error {
  // Four characters of base64 for three bytes: not even decoded where it is too long.
  if (typeof value === 'string' && value.length > (MAX_VALUE_BYTES * 4) / 3 + 4)
    return new Error(`has more than ${MAX_VALUE_BYTES} bytes, the most that are taken`)
  const bytes = bytesOf(value)
  if (bytes === undefined) return new Error('is no base64')
  if (bytes.length > MAX_VALUE_BYTES)
    return new Error(`has ${bytes.length} bytes; at most ${MAX_VALUE_BYTES} are taken`)
  return textOf(bytes) ?? new Error('is no UTF-8')
}

/** The endpoint that a value stands for, as in a configuration: a URL, or an object. `id` counts where it says none. */
export function recordOf(value: string, id: string): unknown {
  const text = value.trim()
  const record = /^["[{]/.test(text) ? parseJson(text) : text
  if (record instanceof Error) return record
  if (typeof record === 'string') return { url: record, id }
  return isRecord(record) && record.id === undefined ? { ...record, id } : record
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not shown: a URL in it may have a password.
    return new Error('begins as JSON and is none')
  }
}
