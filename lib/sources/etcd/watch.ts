/** The changes of a range of keys, as a server sends them. */
import { isRecord } from '../../options/kinds.js'
import { reasonOf } from '../../runtime/foreign.js'
import { LineSplitter } from '../line-splitter.js'
import { integerOf, listOf, messageOf, revisionOf } from './answer.js'
import type { EtcdClient, EtcdStream } from './client.js'
import { CompactedError, RefusedError } from './errors.js'
import { type KeyValue, readKeyValue } from './key-value.js'
import { type KeyRange, toBase64 } from './keys.js'

/** Servers are asked to send what is longer than a request may be, 1.5 MB by default, in pieces. */
const MAX_LINE_BYTES = 16 * 2 ** 20

export interface KeyChange {
  readonly isDeleted: boolean
  readonly kv: KeyValue
}

/** What a server sends at a time. */
export interface WatchAnswer {
  readonly changes: readonly KeyChange[]
  /** All changes up to this one have been sent; undefined: it does not say. */
  readonly upTo: bigint | undefined
}

/** Asks for the changes from a revision on; resolves when the server has begun to answer. */
export function openWatch(
  client: EtcdClient,
  range: KeyRange,
  from: bigint,
  signal: AbortSignal,
): Promise<EtcdStream> {
  return client.stream(
    'watch',
    {
      create_request: {
        key: toBase64(range.start),
        range_end: toBase64(range.end),
        start_revision: String(from),
        progress_notify: true,
        fragment: true,
      },
    },
    signal,
  )
}

/** Until the server ends it, which is no failure. What goes wrong names the server. */
export async function* answersOf({ body, name }: EtcdStream): AsyncGenerator<WatchAnswer> {
  const lines = new LineSplitter(MAX_LINE_BYTES)
  const chunks = body[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new Error(`${name} broke off: ${reasonOf(error)}`, { cause: error })
    })
    // What came without the end of its line was cut off.
    if (next.done) return
    for (const line of lines.push(next.value as Uint8Array)) yield readAnswer(line, name)
  }
}

function readAnswer(line: string, name: string): WatchAnswer {
  let said: unknown
  try {
    said = JSON.parse(line)
  } catch {}
  const result = isRecord(said) ? said.result : undefined
  if (!isRecord(said) || !isRecord(result)) {
    if (!isRecord(said) || said.error === undefined)
      throw new Error(`${name} sends what is no answer to a watch`)
    throw new Error(`${name} ends with an error: ${messageOf(said).message}`)
  }
  if (result.canceled === true) throw cancellation(result, name)
  const changes = listOf(result.events, `the events of ${name}`).map((event) => readChange(event, name))
  const isProgress = changes.length === 0 && result.created !== true
  return { changes, upTo: upTo(changes, isProgress, result, name) }
}

/** A piece of a longer answer may end between changes of one revision. */
function upTo(
  changes: readonly KeyChange[],
  isProgress: boolean,
  result: Record<string, unknown>,
  name: string,
): bigint | undefined {
  if (isProgress) return revisionOf(result, name)
  return result.fragment === true ? undefined : changes.at(-1)?.kv.modRevision
}

function cancellation(result: Record<string, unknown>, name: string): Error {
  const compacted = integerOf(result.compact_revision, `compact_revision of ${name}`)
  if (compacted > 0n) return new CompactedError(`${name} has kept no changes from before ${compacted}`)
  const reason = typeof result.cancel_reason === 'string' ? result.cancel_reason.slice(0, 300) : ''
  return new RefusedError(`${name} has ended the watch: ${reason || 'no reason is given'}`, undefined)
}

function readChange(event: unknown, name: string): KeyChange {
  if (!isRecord(event)) throw new Error(`${name} sends an event that is no object`)
  const { type = 'PUT' } = event
  if (type !== 'PUT' && type !== 'DELETE')
    throw new Error(`${name} sends an event of an unknown type; PUT and DELETE are those that there are`)
  return { isDeleted: type === 'DELETE', kv: readKeyValue(event.kv, name) }
}
