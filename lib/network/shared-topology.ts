import { BroadcastChannel, threadId } from 'node:worker_threads'
import { CONFIG_PAGES, HEADER } from '../engine/layout.js'
import { MAX_PAGE_BYTES } from '../engine/memory.js'
import { ArgumentError, ConfigError, HandleError } from '../errors.js'
import type { TopologyNode } from '../model/index.js'
import { deepFreeze } from '../options/freeze.js'
import { reasonOf } from '../runtime/foreign.js'
import { isGone, onThreadEnd } from '../runtime/thread-ends.js'
import { ConfigStore } from '../shared/config-store.js'
import { blockId } from '../shared/handle.js'
import { REVISION, type TopologyMemory } from './memory.js'
import {
  bytesOfNode,
  decodeRecord,
  type EncodedNode,
  encodeChange,
  encodeNode,
  encodeWhole,
  isAfter,
  type TopologyRecord,
} from './record.js'
import { linkKey, measurementKey, type TopologySnapshot } from './snapshot.js'
import { type TopologyChange, type TopologyDiff, TopologyState } from './state.js'

/** The message of a thread that cannot read what is in force: who can is to publish it once more. */
const UNREADABLE = 'unreadable'
/** What all nodes and links may take: a page has to have room for them, and for a change. */
const MAX_BYTES = MAX_PAGE_BYTES / 2 - 2 ** 20
/** What is known of a node beside itself. */
interface KnownNode {
  /** In which it changed last. */
  readonly revision: number
  /** What it takes in a record. */
  readonly bytes: number
}

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
  readonly #known = new Map<string, KnownNode>()
  /** What all of them take, and what links and measurements do. */
  #nodeBytes = 0
  #restBytes = 0
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
    this.#channel = new BroadcastChannel(`fairlead.topology.${blockId(memory.root)}`)
    this.#channel.onmessage = (event) => {
      if ((event as { data: unknown }).data === UNREADABLE) this.#publishAgain()
      this.catchUp()
    }
    this.#channel.unref()
    this.#forget = onThreadEnd((id) => {
      this.#store.releasePages(id + 1)
      // It may have ended between its change and the message.
      this.catchUp()
    })
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
    this.#read(true)
  }

  /**
   * Makes a change, for all threads. `plan` gets the newest snapshot, and may be called again where another thread was
   * first; undefined: nothing is to change.
   * @returns the revision in which it is in force
   */
  change(plan: (snapshot: TopologySnapshot) => TopologyChange | undefined): number {
    for (;;) {
      this.refuseClosed()
      const change = plan(this.snapshot)
      if (change === undefined) return this.#revision
      const revision = (this.#revision + 1) >>> 0
      const encoded = change.nodes.map(encodeNode)
      this.#refuseTooLarge(change, encoded)
      const outcome = this.#store.append(encodeChange(change, revision, encoded))
      if (outcome === 'full') this.#publishWhole()
      if (outcome !== 'done') continue
      Atomics.store(this.#root, REVISION, revision) // (N1) for a thread that cannot read
      for (const [i, { id }] of change.nodes.entries()) this.#encoded.set(id, encoded[i])
      const known = new Map(
        change.nodes.map(({ id }, i) => [id, { revision, bytes: bytesOfNode(id, encoded[i]) }]),
      )
      this.#apply(change, revision, known)
      this.#tell()
      return revision
    }
  }

  /** @throws ArgumentError */
  refuseClosed(): void {
    if (this.#isClosed) throw new ArgumentError('this topology was closed; take another one of its handle')
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
    if (this.#isTelling) this.#channel.postMessage(undefined)
    this.#isClosed = true
    this.#channel.close()
    this.#forget()
  }

  /** Many records are taken over at once: what came between is of no interest. */
  #read(isFirst = false): void {
    const records = this.#store
      .read(decodeRecord)
      .filter(({ revision }) => isFirst || isAfter(revision, this.#revision))
    if (records.length === 0) return
    const merged = merge(records, isFirst ? undefined : this.#revision, this.#state.snapshot)
    for (const { id } of merged.nodes) this.#encoded.delete(id)
    this.#apply(merged, records[records.length - 1].revision, merged.known)
  }

  #apply(change: TopologyChange, revision: number, known: ReadonlyMap<string, KnownNode>): void {
    for (const id of change.removedNodes) {
      this.#nodeBytes -= this.#known.get(id)?.bytes ?? 0
      this.#known.delete(id)
      this.#encoded.delete(id)
    }
    for (const [id, one] of known) {
      this.#nodeBytes += one.bytes - (this.#known.get(id)?.bytes ?? 0)
      this.#known.set(id, one)
    }
    this.#revision = revision
    const diff = this.#state.apply(change, revision)
    if (diff.links.length + diff.measurements.length > 0) this.#restBytes = bytesOfRest(this.#state.snapshot)
    this.#changed(diff, this.#state.snapshot)
  }

  #refuseTooLarge(
    { nodes, removedNodes, links, measurements }: TopologyChange,
    encoded: readonly EncodedNode[],
  ): void {
    let more = links.length + measurements.length > 0 ? JSON.stringify([links, measurements]).length : 0
    for (const [i, { id }] of nodes.entries())
      more += bytesOfNode(id, encoded[i]) - (this.#known.get(id)?.bytes ?? 0)
    for (const id of removedNodes) more -= this.#known.get(id)?.bytes ?? 0
    const bytes = this.#nodeBytes + this.#restBytes + more
    if (more > 0 && bytes > MAX_BYTES) {
      const message = `would make the topology take ${bytes} bytes; threads can share ${MAX_BYTES}`
      throw new ConfigError([{ path: '', message }])
    }
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
      revision: isLost ? revision : (this.#known.get(node.id)?.revision ?? revision),
      encoded: this.#encodedNode(node),
    }))
    const record = encodeWhole(revision, nodes, [...snapshot.links()], [...snapshot.measurements()])
    if (!this.#store.replace(record) || !isLost) return
    this.#revision = revision
    for (const { id, encoded } of nodes) this.#known.set(id, { revision, bytes: bytesOfNode(id, encoded) })
    Atomics.store(this.#root, REVISION, revision) // (N1) for a thread that cannot read
  }

  /** For a thread that cannot read the page in force. */
  #publishAgain(): void {
    if (this.#isClosed || this.#store.isUnreadable || this.#store.isBehind) return
    try {
      this.#publishWhole()
    } catch (error) {
      // Another one may have more luck.
      process.emitWarning(`A topology cannot be published again: ${reasonOf(error)}`, {
        code: 'FAIRLEAD_HANDLE',
      })
      return
    }
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

const bytesOfRest = (snapshot: TopologySnapshot): number =>
  JSON.stringify([[...snapshot.links()], [...snapshot.measurements()]]).length

/** What several records change together; the last word counts. `revision`: what this thread has; undefined: nothing yet. */
function merge(
  records: readonly TopologyRecord[],
  revision: number | undefined,
  snapshot: TopologySnapshot,
): TopologyChange & {
  readonly known: ReadonlyMap<string, KnownNode>
} {
  const nodes = new Map<string, TopologyNode | undefined>()
  const known = new Map<string, KnownNode>()
  const links = new Map<string, TopologyChange['links'][number] | readonly [string, string]>()
  const measurements = new Map<string, TopologyChange['measurements'][number]>()
  for (const record of records) {
    const rest = record.rest()
    if (record.isWhole) {
      // What is not in it is gone.
      const ids = new Set(record.nodes.map(({ id }) => id))
      for (const { id } of snapshot.nodes()) if (!ids.has(id)) nodes.set(id, undefined)
      for (const id of nodes.keys()) if (!ids.has(id)) nodes.set(id, undefined)
      for (const { from, to } of snapshot.links()) links.set(linkKey(from, to), [from, to])
    }
    for (const id of rest.removedNodes) nodes.set(id, undefined)
    for (const node of record.nodes) {
      if (
        record.isWhole &&
        revision !== undefined &&
        !isAfter(node.revision, revision) &&
        snapshot.node(node.id) !== undefined
      )
        continue
      nodes.set(node.id, deepFreeze(node.read()))
      known.set(node.id, { revision: node.revision, bytes: node.bytes })
    }
    for (const [from, to] of rest.removedLinks) links.set(linkKey(from, to), [from, to])
    for (const link of rest.links) links.set(linkKey(link.from, link.to), deepFreeze(link))
    for (const one of rest.measurements) measurements.set(measurementKey(one.from, one.to), deepFreeze(one))
  }
  const all = [...links.values()]
  return {
    nodes: [...nodes.values()].filter((node) => node !== undefined),
    removedNodes: [...nodes].filter(([, node]) => node === undefined).map(([id]) => id),
    links: all.filter((link) => 'from' in link),
    removedLinks: all.filter((link): link is readonly [string, string] => !('from' in link)),
    measurements: [...measurements.values()],
    known: new Map([...known].filter(([id]) => nodes.get(id) !== undefined)),
  }
}
