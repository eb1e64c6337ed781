/** Of a power of two; a map of 100,000 has about a hundred entries in each. */
const SHARDS = 1_024

type Shard<Value> = ReadonlyMap<string, Value>

/**
 * An immutable map. A change copies the shards that it touches and shares the others with the map before it, so that it costs a
 * thousandth of the whole.
 */
export class ShardedMap<Value> {
  static readonly #empty = new ShardedMap<never>([], 0)
  readonly #shards: readonly (Shard<Value> | undefined)[]
  readonly size: number

  private constructor(shards: readonly (Shard<Value> | undefined)[], size: number) {
    this.#shards = shards
    this.size = size
  }

  static empty<Value>(): ShardedMap<Value> {
    return ShardedMap.#empty
  }

  get(key: string): Value | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  *values(): IterableIterator<Value> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard.values()
  }

  /** With other values for some keys; undefined: without the key. */
  with(changes: Iterable<readonly [string, Value | undefined]>): ShardedMap<Value> {
    const copied = new Map<number, Map<string, Value>>()
    let { size } = this
    for (const [key, value] of changes) {
      const index = shardOf(key)
      let shard = copied.get(index)
      if (shard === undefined) {
        shard = new Map(this.#shards[index])
        copied.set(index, shard)
      }
      size -= shard.size
      if (value === undefined) shard.delete(key)
      else shard.set(key, value)
      size += shard.size
    }
    if (copied.size === 0) return this
    const shards = this.#shards.slice()
    for (const [index, shard] of copied) shards[index] = shard
    return new ShardedMap(shards, size)
  }
}

/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 32 bits, its upper half mixed in. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 16)) & (SHARDS - 1)
}
