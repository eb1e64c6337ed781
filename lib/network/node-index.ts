import type { TopologyNode } from '../model/index.js'

const NOBODY: readonly TopologyNode[] = Object.freeze([])

/** Nodes by one of their properties, immutable: each list is swapped whole. */
export type NodesBy = ReadonlyMap<string, readonly TopologyNode[]>

/**
 * Makes one `NodesBy` after the other. Of the newest it knows where each node stands, so that a change copies the lists it
 * touches and searches none. Lists are in no particular order.
 */
export class NodeIndex {
  readonly #keysOf: (node: TopologyNode) => readonly string[]
  readonly #at = new Map<string, Map<string, number>>()
  #lists: NodesBy = new Map()

  constructor(keysOf: (node: TopologyNode) => readonly string[]) {
    this.#keysOf = keysOf
  }

  /** The next one, after the nodes on the left have become those on the right. */
  next(changes: readonly (readonly [TopologyNode | undefined, TopologyNode | undefined])[]): NodesBy {
    const copied = new Map<string, TopologyNode[]>()
    const copyOf = (key: string): TopologyNode[] => {
      let list = copied.get(key)
      if (list === undefined) {
        list = (this.#lists.get(key) ?? NOBODY).slice()
        copied.set(key, list)
      }
      return list
    }
    for (const [before, after] of changes) {
      const keys = new Set(after === undefined ? [] : this.#keysOf(after))
      if (before !== undefined)
        for (const key of this.#keysOf(before)) if (!keys.has(key)) this.#remove(before.id, key, copyOf(key))
      if (after !== undefined) for (const key of keys) this.#set(after, key, copyOf(key))
    }
    if (copied.size === 0) return this.#lists
    const lists = new Map(this.#lists)
    for (const [key, list] of copied) {
      if (list.length > 0) lists.set(key, Object.freeze(list))
      else {
        lists.delete(key)
        this.#at.delete(key)
      }
    }
    this.#lists = lists
    return lists
  }

  #set(node: TopologyNode, key: string, list: TopologyNode[]): void {
    let places = this.#at.get(key)
    if (places === undefined) {
      places = new Map()
      this.#at.set(key, places)
    }
    const at = places.get(node.id) ?? list.length
    list[at] = node
    places.set(node.id, at)
  }

  #remove(id: string, key: string, list: TopologyNode[]): void {
    const places = this.#at.get(key)
    const at = places?.get(id)
    if (places === undefined || at === undefined) return
    places.delete(id)
    const last = list.pop()
    if (last === undefined || last.id === id) return
    list[at] = last
    places.set(last.id, at)
  }
}
