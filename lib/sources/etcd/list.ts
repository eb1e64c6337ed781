/** All keys of a range at one moment, page by page. */
import { integerOf, listOf, revisionOf } from './answer.js'
import type { CallOptions, EtcdClient } from './client.js'
import { CompactedError, GRPC, RefusedError, TooLongError } from './errors.js'
import { type KeyValue, readKeyValue } from './key-value.js'
import { type KeyRange, toBase64 } from './keys.js'

const PAGE_KEYS = 1_000
/** A page that is too long is asked for with fewer keys: values may have more than a megabyte. */
const SHORTEN = 8

export interface KeyList {
  readonly keys: readonly KeyValue[]
  /** What it is of; changes since then are watched. */
  readonly revision: bigint
}

/** @param maxKeys that are taken; of a range with more none is read */
export async function listKeys(
  client: EtcdClient,
  range: KeyRange,
  maxKeys: number,
  options: CallOptions,
): Promise<KeyList> {
  const keys: KeyValue[] = []
  let start = toBase64(range.start)
  let limit = PAGE_KEYS
  let revision: bigint | undefined
  for (;;) {
    const message = {
      key: start,
      range_end: toBase64(range.end),
      limit: String(limit),
      ...(revision !== undefined && { revision: String(revision) }),
    }
    let called: Awaited<ReturnType<EtcdClient['call']>>
    try {
      called = await client.call('kv/range', message, options)
    } catch (error) {
      if (limit > 1 && error instanceof TooLongError) {
        limit = Math.max(1, Math.floor(limit / SHORTEN))
        continue
      }
      throw isCompacted(error) ? new CompactedError((error as Error).message) : error
    }
    const { answer, name } = called
    revision ??= revisionOf(answer, name)
    const count = integerOf(answer.count, `the count of ${name}`)
    if (count > BigInt(maxKeys))
      throw new Error(`${range.start} has ${count} keys in etcd; maxEndpoints is ${maxKeys}`)
    const page = listOf(answer.kvs, `the keys of ${name}`)
    if (keys.length + page.length > maxKeys)
      throw new Error(`${name} sends more keys than it has counted, more than ${maxKeys}`)
    for (const kv of page) keys.push(readKeyValue(kv, name))
    if (answer.more !== true || page.length === 0) return { keys, revision }
    start = after((page.at(-1) as { key: string }).key)
  }
}

/** The key that comes next: with a zero byte behind. */
const after = (key: string): string =>
  Buffer.concat([Buffer.from(key, 'base64'), Buffer.alloc(1)]).toString('base64')

const isCompacted = (error: unknown): boolean =>
  error instanceof RefusedError && error.grpcCode === GRPC.outOfRange
