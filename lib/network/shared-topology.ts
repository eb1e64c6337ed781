import { BroadcastChannel, threadId } from 'node:worker_threads'
import { CONFIG_PAGES, HEADER } from '../engine/layout.js'
import { HandleError } from '../errors.js'
import type { TopologyNode } from '../model/index.js'
import { deepFreeze } from '../options/freeze.js'
import { isGone, onThreadEnd } from '../runtime/thread-ends.js'
import { ConfigStore } from '../shared/config-store.js'
import { idOf, REVISION, type TopologyMemory } from './memory.js'
import {
  decodeRecord,
  type EncodedNode,
  encodeChange,
  encodeNode,
  encodeWhole,
  isAfter,
  type TopologyRecord,
} from './record.js'
import type { TopologySnapshot } from './snapshot.js'
import { type TopologyChange, type TopologyDiff, TopologyState } from './state.js'

/** The message of a thread that cannot read what is in force: who can is to publish it once more. */
const UNREADABLE = 'unreadable'
/** This thread as the owner of a page. */
const TOKEN = threadId + 1

/**
 * One topology over several threads. Every change is a record in shared memory, put into force by one compare-and-swap
 * (`ConfigStore`); each thread makes its own snapshots from the records. Nobody waits for anybody: a reader that is behind
 * reads on, a writer that lost against another one reads on and tries again.
 */
export class SharedTopology {
  readonly #root: Int32Array
  readonly #store: ConfigStore
  readonly #channel: BroadcastChannel
  readonly #changed: (diff: TopologyDiff, snapshot: TopologySnapshot) => void
  readonly #forget: () => void
  readonly #state = new TopologyState()
  /** In which revision each node changed last. */
  readonly #revisions = new Map<string, number>()
  /** Nodes that this thread has written, as they stand in records. */
  readonly #encoded = new Map<string, EncodedNode>()
  #revision = 0
  #isTelling = false
  #isClosed = false

  /** `changed` is told of each step from one snapshot to the next, in this thread, once it is made. */
  constructor(memory: TopologyMemory, changed: (diff: TopologyDiff, snapshot: TopologySnapshot) => void) {
    this.#changed = changed
    this.#root = memory.root
    this.#store = new ConfigStore(memory.root, memory.pages, TOKEN)
    this.#channel = new BroadcastChannel(`fairlead.topology.${idOf(memory)}`)
    this.#channel.onmessage = (event) => {
      if ((event as { data: unknown }).data === UNREADABLE) this.#publishAgain()
      this.catchUp()
    }
    this.#channel.unref()
    this.#forget = onThreadEnd((id) => this.#store.releasePages(id + 1))
    for (let page = 0; page < CONFIG_PAGES; page++) {
      const owner = Atomics.load(memory.root, HEADER.PAGE_OWNER + page)
      if (owner !== 0 && isGone(owner - 1)) this.#store.releasePages(owner)
    }
  }

  /** The newest; reads on first where another thread has published something. */
  get snapshot(): TopologySnapshot {
    if (this.#store.isBehind && !this.#isClosed) this.catchUp()
    return this.#state.snapshot
  }

  /** Publishes the first record of all. */
  begin(): void {
    this.#store.replace(encodeWhole(0, [], [], []))
  }

  /** Reads what there is. Throws where that cannot be read. */
  open(): void {
    this.#read()
  }

  /**
   * Makes a change, for all threads. `plan` gets the newest snapshot, and may be called again where another thread was
   * first; undefined: nothing is to change.
   * @returns the revision in which it is in force
   */
  change(plan: (snapshot: TopologySnapshot) => TopologyChange | undefined): number {
    for (;;) {
      const change = plan(this.snapshot)
      if (change === undefined) return this.#revision
      const revision = (this.#revision + 1) >>> 0
      const encoded = change.nodes.map(encodeNode)
      const outcome = this.#store.append(encodeChange(change, revision, encoded))
      if (outcome === 'full') this.#publishWhole()
      if (outcome !== 'done') continue
      Atomics.store(this.#root, REVISION, revision) // (N1) for a thread that cannot read
      for (const [i, { id }] of change.nodes.entries()) this.#encoded.set(id, encoded[i])
      this.#apply(change, revision)
      this.#tell()
      return revision
    }
  }

  catchUp(): void {
    if (this.#isClosed) return
    try {
      this.#read()
    } catch (error) {
      if (!(error instanceof HandleError)) throw error
      process.emitWarning(`${error.message}; this thread goes on with the one that it has`, {
        code: error.code,
      })
      this.#channel.postMessage(UNREADABLE)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#channel.close()
    this.#forget()
  }

  /** Many records are taken over at once: what came between is of no interest. */
  #read(): void {
    const records = this.#store.read(decodeRecord).filter(({ revision }) => isAfter(revision, this.#revision))
    if (records.length === 0) return
    const merged = merge(records, this.#revision, this.#state.snapshot)
    for (const { id } of merged.nodes) this.#encoded.delete(id)
    this.#apply(merged, records[records.length - 1].revision, merged.revisions)
  }

  #apply(change: TopologyChange, revision: number, revisions?: ReadonlyMap<string, number>): void {
    for (const id of change.removedNodes) {
      this.#revisions.delete(id)
      this.#encoded.delete(id)
    }
    for (const { id } of change.nodes) this.#revisions.set(id, revisions?.get(id) ?? revision)
    this.#revision = revision
    const diff = this.#state.apply(change, revision)
    this.#changed(diff, this.#state.snapshot)
  }

  /**
   * Publishes all that this thread knows, on a page of its own. Where what is in force cannot be read, that is from now on what
   * there is: a revision after all others, in every node.
   */
  #publishWhole(): void {
    const isLost = this.#store.isUnreadable
    const revision = isLost ? (Atomics.load(this.#root, REVISION) + 1) >>> 0 : this.#revision // (N1) after all that others have
    const { snapshot } = this.#state
    const nodes = Array.from(snapshot.nodes(), (node) => ({
      id: node.id,
      revision: isLost ? revision : (this.#revisions.get(node.id) ?? revision),
      encoded: this.#encodedNode(node),
    }))
    const record = encodeWhole(revision, nodes, [...snapshot.links()], [...snapshot.measurements()])
    if (!this.#store.replace(record) || !isLost) return
    this.#revision = revision
    for (const { id } of nodes) this.#revisions.set(id, revision)
    Atomics.store(this.#root, REVISION, revision) // (N1) for a thread that cannot read
  }

  /** For a thread that cannot read the page in force. */
  #publishAgain(): void {
    if (this.#isClosed || this.#store.isUnreadable || this.#store.isBehind) return
    this.#publishWhole()
    this.#tell()
  }

  #encodedNode(node: TopologyNode): EncodedNode {
    let encoded = this.#encoded.get(node.id)
    if (encoded === undefined) {
      encoded = encodeNode(node)
      this.#encoded.set(node.id, encoded)
    }
    return encoded
  }

  /** One message for all changes of a turn. */
  #tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      if (!this.#isClosed) this.#channel.postMessage(undefined)
    })
  }
}

/** What several records change together; the last word counts. */
function merge(
  records: readonly TopologyRecord[],
  revision: number,
  snapshot: TopologySnapshot,
): TopologyChange & { readonly revisions: ReadonlyMap<string, number> } {
  const nodes = new Map<string, TopologyNode | undefined>()
  const revisions = new Map<string, number>()
  const links = new Map<string, TopologyChange['links'][number] | readonly [string, string]>()
  const measurements = new Map<string, TopologyChange['measurements'][number]>()
  const endsKey = (from: string, to: string) => JSON.stringify([from, to].sort())
  for (const record of records) {
    const rest = record.rest()
    if (record.isWhole) {
      // What is not in it is gone.
      const ids = new Set(record.nodes.map(({ id }) => id))
      for (const { id } of snapshot.nodes()) if (!ids.has(id)) nodes.set(id, undefined)
      for (const id of nodes.keys()) if (!ids.has(id)) nodes.set(id, undefined)
      for (const { from, to } of snapshot.links()) links.set(endsKey(from, to), [from, to])
    }
    for (const id of rest.removedNodes) nodes.set(id, undefined)
    for (const node of record.nodes) {
      if (record.isWhole && !isAfter(node.revision, revision) && snapshot.node(node.id) !== undefined)
        continue
      nodes.set(node.id, deepFreeze(node.read()))
      revisions.set(node.id, node.revision)
    }
    for (const [from, to] of rest.removedLinks) links.set(endsKey(from, to), [from, to])
    for (const link of rest.links) links.set(endsKey(link.from, link.to), deepFreeze(link))
    for (const one of rest.measurements) measurements.set(JSON.stringify([one.from, one.to]), deepFreeze(one))
  }
  const all = [...links.values()]
  return {
    nodes: [...nodes.values()].filter((node) => node !== undefined),
    removedNodes: [...nodes].filter(([, node]) => node === undefined).map(([id]) => id),
    links: all.filter((link) => 'from' in link),
    removedLinks: all.filter((link): link is readonly [string, string] => !('from' in link)),
    measurements: [...measurements.values()],
    revisions,
  }
}
