import type { TopologyNode } from '../model/index.js'

/** Nodes of one piece of a list: 256. */
const CHUNK_SHIFT = 8
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1

/** Nodes in no particular order, immutable: in pieces, so that a change copies one of them. */
export class NodeList {
  readonly chunks: readonly (readonly TopologyNode[])[]
  readonly length: number
  #all: readonly TopologyNode[] | undefined

  constructor(chunks: readonly (readonly TopologyNode[])[], length: number) {
    this.chunks = chunks
    this.length = length
  }

  /** All in one array, put together when it is asked for first. */
  get all(): readonly TopologyNode[] {
    if (this.#all === undefined) {
      const all: TopologyNode[] = []
      for (const chunk of this.chunks) for (const node of chunk) all.push(node)
      this.#all = Object.freeze(all)
    }
    return this.#all
  }
}

/** Nodes by one of their properties, immutable: each list is swapped whole. */
export type NodesBy = ReadonlyMap<string, NodeList>

/** A list that is being changed: the pieces that were copied are its own. */
class Draft {
  readonly #chunks: (readonly TopologyNode[])[]
  readonly #own = new Map<number, TopologyNode[]>()
  length: number

  constructor({ chunks, length }: NodeList) {
    this.#chunks = chunks.slice()
    this.length = length
  }

  set(at: number, node: TopologyNode): void {
    this.#chunk(at >> CHUNK_SHIFT)[at & CHUNK_MASK] = node
    if (at === this.length) this.length++
  }

  /** The last one, taken off. */
  pop(): TopologyNode | undefined {
    if (this.length === 0) return undefined
    this.length--
    const last = this.#chunk(this.length >> CHUNK_SHIFT).pop()
    if ((this.length & CHUNK_MASK) === 0) {
      this.#own.delete(this.length >> CHUNK_SHIFT)
      this.#chunks.length = this.length >> CHUNK_SHIFT
    }
    return last
  }

  get list(): NodeList {
    return new NodeList(this.#chunks, this.length)
  }

  #chunk(index: number): TopologyNode[] {
    let chunk = this.#own.get(index)
    if (chunk === undefined) {
      chunk = this.#chunks[index]?.slice() ?? []
      this.#own.set(index, chunk)
      this.#chunks[index] = chunk
    }
    return chunk
  }
}

const EMPTY = new NodeList([], 0)

/**
 * Makes one `NodesBy` after the other. Of the newest it knows where each node stands, so that a change copies the pieces it
 * touches and searches none.
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
    const drafts = new Map<string, Draft>()
    const draftOf = (key: string): Draft => {
      let draft = drafts.get(key)
      if (draft === undefined) {
        draft = new Draft(this.#lists.get(key) ?? EMPTY)
        drafts.set(key, draft)
      }
      return draft
    }
    for (const [before, after] of changes) {
      const keys = new Set(after === undefined ? [] : this.#keysOf(after))
      if (before !== undefined)
        for (const key of this.#keysOf(before)) if (!keys.has(key)) this.#remove(before.id, key, draftOf(key))
      if (after !== undefined) for (const key of keys) this.#set(after, key, draftOf(key))
    }
    if (drafts.size === 0) return this.#lists
    const lists = new Map(this.#lists)
    for (const [key, draft] of drafts) {
      if (draft.length > 0) lists.set(key, draft.list)
      else {
        lists.delete(key)
        this.#at.delete(key)
      }
    }
    this.#lists = lists
    return lists
  }

  #set(node: TopologyNode, key: string, draft: Draft): void {
    let places = this.#at.get(key)
    if (places === undefined) {
      places = new Map()
      this.#at.set(key, places)
    }
    const at = places.get(node.id) ?? draft.length
    draft.set(at, node)
    places.set(node.id, at)
  }

  #remove(id: string, key: string, draft: Draft): void {
    const places = this.#at.get(key)
    const at = places?.get(id)
    if (places === undefined || at === undefined) return
    places.delete(id)
    const last = draft.pop()
    if (last === undefined || last.id === id) return
    draft.set(at, last)
    places.set(last.id, at)
  }
}
